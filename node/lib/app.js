'use strict'
// The part of Electron's `app` that networking hangs on. There is no `ready` to wait for.

const { EventEmitter } = require('node:events')
const fs = require('node:fs')
const path = require('node:path')
const { version } = require('../package.json')
const { notImplemented } = require('./errors.js')
const { own, text, texts } = require('./given.js')

// A program that goes on without its proxy, its logins or its log must know. What these say to leave out
// (no-proxy-server, disable-http2, disable-http-cache) is left out as it is.
const NOT_YET = /^(proxy-(server|pac-url|auto-detect)|log-net-log|auth-.*)$/

/** Switches of the network, as Chromium's command line has them; they count for sessions made later. */
class CommandLine {
  #switches = new Map()

  /** Names that are none of the network's are kept, and have no effect, as unknown ones have in Electron. */
  appendSwitch (name, value) {
    const key = String(name).toLowerCase()
    if (NOT_YET.test(key)) throw notImplemented(`switch --${key}`)
    this.#switches.set(key, value === undefined ? '' : String(value))
  }

  /** There is no program to be given it. */
  appendArgument () {}

  hasSwitch (name) {
    return this.#switches.has(String(name).toLowerCase())
  }

  getSwitchValue (name) {
    return this.#switches.get(String(name).toLowerCase()) ?? ''
  }

  removeSwitch (name) {
    this.#switches.delete(String(name).toLowerCase())
  }
}

const authorities = new Map()

/** The authorities that Node itself trusts beside its own: the file of NODE_EXTRA_CA_CERTS. */
function extraAuthorities () {
  const file = process.env.NODE_EXTRA_CA_CERTS
  if (!file) return undefined
  if (!authorities.has(file)) authorities.set(file, authoritiesOf(file))
  return authorities.get(file)
}

function authoritiesOf (file) {
  const { addon } = require('./native.js')
  try {
    const text = fs.readFileSync(file, 'latin1')
    addon.checkAuthorities(text)
    return text
  } catch (cause) {
    // As Node does.
    process.emitWarning(`Ignoring extra certs from \`${file}\`: ${cause.message}`)
    return undefined
  }
}

// Chromium has -702 for a wrong password, -703 for what cannot be read; which of the two is not told.
const ERR_PKCS12_IMPORT_FAILED = -702

class App extends EventEmitter {
  #paths = new Map()
  #userAgent
  commandLine = new CommandLine()

  /** `userData` alone: the folder below which sessions are kept. */
  getPath (name) {
    if (name !== 'userData') throw new Error(`Failed to get '${name}' path`)
    const { addon } = require('./native.js')
    const folder = this.#paths.get(name) ?? addon.dataDir()
    if (folder == null) throw new Error(`Failed to get '${name}' path`)
    return folder
  }

  /** For sessions that this thread has not used yet. */
  setPath (name, folder) {
    if (name !== 'userData') throw new Error(`Failed to set path`)
    if (!path.isAbsolute(folder)) throw new Error('Path must be absolute')
    this.#paths.set(name, path.resolve(folder))
  }

  /** The `User-Agent` of sessions that have been given none. */
  get userAgentFallback () {
    return this.#userAgent ?? `netreq/${version}`
  }

  set userAgentFallback (userAgent) {
    const { addon } = require('./native.js')
    const { fallBack } = require('./session.js')
    const text = String(userAgent)
    if (addon.checkHeader('User-Agent', text) !== 0) throw new Error(`Invalid value for header 'User-Agent': '${text}'`)
    fallBack(text)
    this.#userAgent = text
  }

  /** Everything is ready at once; programs that wait need not be changed. */
  isReady () {
    return true
  }

  async whenReady () {}

  quit () {
    process.exit()
  }

  exit (code = 0) {
    process.exit(code)
  }

  /**
   * Adds a certificate of the client's with its key: a PKCS #12 file with its password. Not in Electron: a
   * PEM file with both. `callback` is told 0, or the number of what is wrong.
   */
  importCertificate (options, callback) {
    const { certificate, password } = own(options)
    if (typeof certificate !== 'string') throw new TypeError('certificate must be the path of a file')
    if (typeof callback !== 'function') throw new TypeError('callback must be a function')
    const { importCertificate } = require('./session.js')
    importCertificate(certificate, text(password) ?? '')
      .then((isImported) => process.nextTick(callback, isImported ? 0 : ERR_PKCS12_IMPORT_FAILED))
  }

  /**
   * How names are resolved from now on, in all sessions of the process and its workers; what is not said is
   * as at the start. `enableBuiltInResolver` and `enableAdditionalDnsQueryTypes` are checked and change
   * nothing: the system resolves what DNS over HTTPS does not.
   */
  configureHostResolver (options) {
    if (options === null || typeof options !== 'object') throw new TypeError('options must be an object')
    const {
      enableBuiltInResolver, enableHappyEyeballs, enableAdditionalDnsQueryTypes, secureDnsMode, secureDnsServers
    } = own(options)
    for (const [name, value] of Object.entries({ enableBuiltInResolver, enableHappyEyeballs, enableAdditionalDnsQueryTypes })) {
      if (value !== undefined && typeof value !== 'boolean') throw new TypeError(`${name} must be a boolean`)
    }
    const servers = texts('secureDnsServers', secureDnsServers)
    const { addon } = require('./native.js')
    try {
      addon.configureHostResolver(enableHappyEyeballs !== false, text(secureDnsMode), servers)
    } catch (error) {
      throw new TypeError(error.message)
    }
  }

  /** What a session is made with now; `src/session.rs` reads it. */
  static settings (app) {
    const line = app.commandLine
    return {
      dataDir: app.#paths.get('userData'),
      userAgent: app.#userAgent,
      hostResolverRules: [line.getSwitchValue('host-rules'), line.getSwitchValue('host-resolver-rules')]
        .filter(Boolean).join(',') || undefined,
      allowedPorts: line.getSwitchValue('explicitly-allowed-ports').split(',').map(Number).filter((port) => Number.isInteger(port) && port > 0 && port < 65536),
      // As many as there are: Chromium's switch names domains, and here it counts for all.
      maxSockets: line.hasSwitch('ignore-connections-limit') ? 0xffffffff : undefined,
      ignoresCertificateErrors: line.hasSwitch('ignore-certificate-errors'),
      rootCertificates: extraAuthorities()
    }
  }
}

const { settings } = App
delete App.settings
const app = new App()
process.nextTick(() => app.emit('ready'))

module.exports = { app, settings: () => settings(app) }
