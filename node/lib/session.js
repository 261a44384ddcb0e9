'use strict'
// Electron's `session`: sessions by partition or folder, one object for each.

const { EventEmitter } = require('node:events')
const path = require('node:path')
const native = require('./native.js')
const { app, settings } = require('./app.js')
const cookies = require('./cookies.js')
const certificates = require('./certificates.js')
const { notImplemented } = require('./errors.js')
const { own, text, texts } = require('./given.js')

const { addon, environment } = native
const making = Symbol('making')
const partitions = new Map()
const folders = new Map()
// How long the end of the process waits for what sessions keep.
const LAST_FLUSH = 5000

class Session extends EventEmitter {
  #native
  #cookies
  #verifier
  #hasUserAgent = false

  constructor (key, made) {
    if (key !== making) throw new Error("Session objects cannot be created with 'new'")
    super()
    this.#native = made
  }

  get cookies () {
    return (this.#cookies ??= new cookies.Cookies(cookies.making, this.#native))
  }

  get storagePath () {
    return this.#native.storagePath ?? null
  }

  isPersistent () {
    return this.storagePath !== null
  }

  getStoragePath () {
    return this.storagePath
  }

  getUserAgent () {
    return this.#native.userAgent
  }

  setUserAgent (userAgent, acceptLanguages) {
    plain(() => this.#native.setUserAgent(String(userAgent), text(acceptLanguages)))
    this.#hasUserAgent = true
  }

  fetch (input, init) {
    return require('./fetch.js').fetch(input, init, this)
  }

  preconnect (options) {
    const { url, numSockets } = own(options)
    if (typeof url !== 'string' || !URL.canParse(url)) {
      throw new Error('Must pass non-empty valid url to session.preconnect.')
    }
    const sockets = numSockets === undefined ? 1 : Math.trunc(numSockets)
    // What is no number of the addon's is out of range, as 0 is.
    plain(() => this.#native.preconnect(url, sockets > 0 && sockets < 2 ** 32 ? sockets : 0))
  }

  async closeAllConnections () {
    this.#native.closeAllConnections()
  }

  async clearHostResolverCache () {
    this.#native.clearHostResolverCache()
  }

  /** Nothing but cookies is kept that `storages` could name. */
  async clearStorageData (options) {
    const { origin, storages } = own(options)
    if (storages != null && !texts('storages', storages).includes('cookies')) return
    await this.#clear(['cookies'], origin === undefined ? [] : [String(origin)], [], true)
  }

  async clearData (options) {
    const { dataTypes, origins, excludeOrigins, avoidClosingConnections } = own(options)
    const kinds = texts('dataTypes', dataTypes).filter((kind) => kind === 'cookies')
    if (dataTypes != null && kinds.length === 0) return
    await this.#clear(kinds, texts('origins', origins), texts('excludeOrigins', excludeOrigins), avoidClosingConnections === true)
  }

  /** Starts writing what is kept; `cookies.flushStore` waits for it. */
  flushStorageData () {
    native.ask((id) => environment.flush(id, this.#native)).catch(() => {})
  }

  /** Has the last word on the certificates of servers; null takes it back. */
  setCertificateVerifyProc (procedure) {
    if (procedure !== null && typeof procedure !== 'function') throw new TypeError('Must pass null or function')
    this.#verifier ??= new certificates.Verifier()
    this.#verifier.procedure = procedure
    environment.verify(this.#native, procedure === null ? undefined : this.#verifier.id)
  }

  setSSLConfig (config) {
    const { minVersion, maxVersion, disabledCipherSuites } = own(config)
    for (const version of [minVersion, maxVersion]) {
      if (version !== undefined && version !== 'tls1.2' && version !== 'tls1.3') {
        throw new TypeError(`Invalid value for a version of TLS: '${version}'`)
      }
    }
    if (disabledCipherSuites != null && !Array.isArray(disabledCipherSuites)) throw new TypeError('disabledCipherSuites must be an array of numbers')
    plain(() => this.#native.setSslConfig(minVersion, maxVersion, [...disabledCipherSuites ?? []].map((suite) => suite >>> 0)))
  }

  async resolveHost (host, options) {
    const { queryType, source, cacheUsage, secureDnsPolicy } = own(options)
    const how = {
      queryType: text(queryType), source: text(source), cacheUsage: text(cacheUsage), secureDnsPolicy: text(secureDnsPolicy)
    }
    const answer = await native.ask((id) => {
      try {
        environment.resolveHost(id, this.#native, String(host), how)
      } catch (error) {
        throw new TypeError(error.message)
      }
    })
    return {
      endpoints: answer.split('\0').slice(0, -1).map((address) => ({
        address, family: address.includes(':') ? 'ipv6' : 'ipv4'
      }))
    }
  }

  /** There is no code to be cached: the path is checked and of no use. */
  setCodeCachePath (folder) {
    if (typeof folder !== 'string' || !path.isAbsolute(folder)) {
      throw new Error('Absolute path must be provided to store code cache.')
    }
  }

  // No dictionary for compression is ever kept.

  async getSharedDictionaryInfo (options) {
    return []
  }

  async getSharedDictionaryUsageInfo () {
    return []
  }

  async clearSharedDictionaryCache () {}

  async clearSharedDictionaryCacheForIsolationKey (options) {}

  async #clear (kinds, origins, excludeOrigins, avoidClosingConnections) {
    const what = { kinds, origins, excludeOrigins, avoidClosingConnections }
    await native.ask((id) => environment.clearData(id, this.#native, what))
  }

  /** The addon's half, for the package itself. */
  static nativeOf (session) {
    return session.#native
  }

  static fallBack (session, userAgent) {
    if (!session.#hasUserAgent) plain(() => session.#native.setUserAgent(userAgent))
  }
}

for (const name of [
  'setProxy', 'resolveProxy', 'forceReloadProxyConfig', 'getCacheSize', 'clearCache',
  'clearAuthCache', 'allowNTLMCredentialsForDomains', 'enableNetworkEmulation',
  'disableNetworkEmulation', 'downloadURL', 'createInterruptedDownload', 'setDownloadPath'
]) {
  Object.defineProperty(Session.prototype, name, {
    value: { [name] () { throw notImplemented(name) } }[name], writable: true, configurable: true
  })
}

/** The session of a partition: `persist:…` is kept, `''` is the default one, any other is in memory. */
function fromPartition (partition) {
  if (typeof partition !== 'string') throw new TypeError('`partition` should be a string')
  return find(partitions, partition, () => addon.Session.ofPartition(partition, settings()))
}

/** The session that is kept in a folder. */
function fromPath (folder) {
  if (folder === '') throw new TypeError('An empty path was specified')
  if (typeof folder !== 'string' || !path.isAbsolute(folder)) {
    throw new TypeError('An absolute path was not provided')
  }
  return find(folders, path.resolve(folder), () => addon.Session.ofPath(path.resolve(folder), settings()))
}

function find (known, name, make) {
  const found = known.get(name)
  if (found !== undefined) return found
  const made = plain(make)
  // One by another name: `persist:` is the default one, `persist:A` is `persist:a`.
  const same = all().find((other) => addon.isSameSession(made, nativeOf(other)))
  const session = same || new Session(making, made)
  known.set(name, session)
  if (same) return same
  certificates.choose(nativeOf(session), app)
  if (session.isPersistent()) flushAtExit()
  try {
    app.emit('session-created', session)
  } catch (error) {
    // A listener's is nothing to whoever wants the session.
    process.nextTick(() => { throw error })
  }
  return session
}

function all () {
  return [...partitions.values(), ...folders.values()]
}

/** Gives sessions that were given none this `User-Agent`. */
function fallBack (userAgent) {
  for (const session of all()) giveAgent(session, userAgent)
}

/** Adds a certificate that servers may be shown; from now on they are asked anew. */
async function importCertificate (file, password) {
  const isImported = await certificates.importIdentity(file, password)
  for (const made of isImported ? all() : []) certificates.choose(nativeOf(made), app)
  return isImported
}

/** What is written within a second of a response must not be lost by a process that ends before. */
function flushAtExit () {
  if (flushAtExit.isSet) return
  flushAtExit.isSet = true
  process.on('exit', () => addon.flushAll(LAST_FLUSH))
}

/** Calls the addon; its errors as JavaScript throws them. */
function plain (call) {
  try {
    return call()
  } catch (error) {
    const [message, cause] = error.message.split('\0')
    throw new Error(message, cause && { cause: new Error(cause) })
  }
}

function defaultSession () {
  return fromPartition('')
}

Object.assign(Session, { fromPartition, fromPath })
Object.defineProperty(Session, 'defaultSession', { get: defaultSession })
const { nativeOf, fallBack: giveAgent } = Session
delete Session.nativeOf
delete Session.fallBack

module.exports = { Session, fromPartition, fromPath, defaultSession, fallBack, importCertificate, nativeOf }
