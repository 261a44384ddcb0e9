'use strict'
// The options of `net.request`: read once, with Electron's sentences for what is wrong, and flattened
// into one text and one number (`src/options.rs` reads them).

const { own } = require('./given.js')
const { addon } = require('./native.js')
const sessions = require('./session.js')

const REDIRECT = { __proto__: null, follow: 0, error: 1, manual: 2 }
const CHUNKED = 1 << 2
const REFERRER_POLICY = {
  __proto__: null,
  'no-referrer': 1,
  'no-referrer-when-downgrade': 2,
  'same-origin': 3,
  origin: 4,
  'strict-origin': 5,
  'origin-when-cross-origin': 6,
  'strict-origin-when-cross-origin': 7,
  'unsafe-url': 8
}
const PRIORITY = { __proto__: null, throttled: 1, idle: 0, lowest: 2, low: 3, medium: 4, highest: 5 }
const CREDENTIALS = { __proto__: null, omit: 1, 'same-origin': 2, include: 3 }
const CACHE = { __proto__: null, default: 0, 'no-store': 1, reload: 2, 'no-cache': 3, 'force-cache': 4, 'only-if-cached': 5 }
const USE_SESSION_COOKIES = 1 << 12
const LATIN1 = 1 << 13

/** The options. Of their header fields there is a Map, which changes until the first write. */
function parse (input) {
  // Copied: a getter is asked once, and what somebody put on Object.prototype is no option.
  const options = typeof input === 'string'
    ? { __proto__: null, url: input }
    : input instanceof URL ? { __proto__: null, url: input.href } : { __proto__: null, ...input }

  // Not by `url` as an option, which fails when the request starts.
  if (typeof input === 'string' && !URL.canParse(input)) throw new TypeError('Invalid URL')

  let url = options.url || options.href
  if (url) {
    url = String(url)
    if (!/^https?:\/\//i.test(url)) addon.checkUrl(url)
  } else {
    url = fromParts(options)
  }

  const redirect = options.redirect || 'follow'
  if (REDIRECT[redirect] === undefined) {
    throw new Error('redirect mode should be one of follow, error or manual')
  }
  const headers = new Map()
  if (options.headers != null) {
    if (typeof options.headers !== 'object') throw new TypeError('headers must be an object')
    for (const [name, value] of Object.entries(options.headers)) {
      headers.set(name.toLowerCase(), checked(name, value, options.separateHeaders === true))
    }
  }
  if (options.credentials === 'same-origin' && !options.origin) {
    throw new Error('credentials: same-origin requires origin to be set')
  }

  return {
    method: methodOf(options.method),
    url,
    origin: typeof options.origin === 'string' ? options.origin : undefined,
    headers,
    areSeparate: options.separateHeaders === true,
    redirect,
    session: sessionOf(options),
    ...flatten(options),
    signal: signalOf(options.signal),
    isCompatible: options.compat === 'electron'
  }
}

function methodOf (method) {
  if (!method) return 'GET'
  if (typeof method !== 'string') throw new TypeError('method must be a string')
  return method.toUpperCase()
}

function signalOf (signal) {
  if (signal != null && !(typeof signal.aborted === 'boolean' && typeof signal.addEventListener === 'function')) {
    throw new TypeError('signal must be an AbortSignal')
  }
  return signal
}

/** What has few values, as one number; and the time limits. Words that are none are as if not given. */
function flatten (options) {
  return {
    flags: (REDIRECT[options.redirect] ?? 0) |
      (REFERRER_POLICY[options.referrerPolicy] ?? 0) << 3 |
      (PRIORITY[options.priority] ?? 0) << 7 |
      (CREDENTIALS[options.credentials] ?? 0) << 10 |
      (CACHE[options.cache] ?? 0) << 14 |
      (options.useSessionCookies ? USE_SESSION_COOKIES : 0),
    limits: limitsOf(options.timeout)
  }
}

function fromParts (options) {
  const text = (value) => value == null ? '' : String(value)
  let port
  if (options.port) {
    port = Number(options.port)
    if (!Number.isInteger(port) || port < 0 || port > 65535) throw new TypeError('Invalid URL')
  }
  try {
    return addon.urlOfParts(
      text(options.protocol), text(options.host), text(options.hostname), port, text(options.path)
    )
  } catch (error) {
    if (error.message === 'ClientRequest only supports http: and https: protocols') throw new Error(error.message)
    throw new TypeError(error.message)
  }
}

function sessionOf ({ session, partition }) {
  if (session) {
    if (!(session instanceof sessions.Session)) {
      throw new TypeError('`session` should be an instance of the Session class')
    }
    return session
  }
  if (partition) {
    if (typeof partition !== 'string') throw new TypeError('`partition` should be a string')
    return sessions.fromPartition(partition)
  }
  return sessions.defaultSession()
}

/** Time limits in milliseconds: a number for the whole, or an object for the phases. */
function limitsOf (timeout) {
  if (timeout == null) return undefined
  const { connect, tls, firstByte, idle, total } =
    typeof timeout === 'object' ? own(timeout) : { total: timeout }
  return Float64Array.of(...[connect, tls, firstByte, idle, total].map((limit) => limit == null ? -1 : +limit))
}

/** A field that may stand in a head; kept as given. An array is one line, or `areSeparate` a line each. */
function checked (name, value, areSeparate = false) {
  if (typeof name !== 'string') {
    throw new TypeError('`name` should be a string in setHeader(name, value)')
  }
  if (value == null) throw new Error(`\`value\` required in setHeader("${name}", value)`)
  if (areSeparate && Array.isArray(value)) {
    return { name, value, text: value.map((one) => checked(name, one).text).join(`\0${name}\0`) }
  }
  const text = String(value)
  switch (addon.checkHeader(name, text)) {
    case 1: throw new Error(`Invalid header name: '${name}'`)
    case 2: throw new Error(`Invalid value for header '${name}': '${text}'`)
  }
  return { name, value, text }
}

/** The text that `src/options.rs` takes apart. Header fields have been checked for NUL. */
function head (method, url, origin, headers) {
  // A method with a space is as wrong as one with a NUL.
  let text = `${method.replaceAll('\0', ' ')}\0${without(url)}\0${origin ? without(origin) : ''}\0`
  for (const field of headers.values()) text += `${field.name}\0${field.text}\0`
  return text
}

function without (text) {
  return text.includes('\0') ? text.replaceAll('\0', '%00') : text
}

module.exports = { parse, flatten, checked, head, CHUNKED, LATIN1 }
