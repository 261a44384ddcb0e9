'use strict'
// WHATWG fetch on the engine, with the platform's Request and Response.

const { createReadStream, promises: fs } = require('node:fs')
const { Readable } = require('node:stream')
const { fileURLToPath } = require('node:url')
const { isUint8Array } = require('node:util/types')
const native = require('./native.js')
const errors = require('./errors.js')
const flatten = require('./options.js')
const { split } = require('./incoming_message.js')
const sessions = require('./session.js')

const NULL_BODY = new Set([101, 204, 205, 304])
// A reason phrase comes as it was sent; a Response takes what RFC 9112 §4 allows.
const NOT_IN_REASON = /[^\t\x20-\x7e\x80-\xff]/g
// Bytes of an upload that may be on their way before more is read from its stream.
const WINDOW = 1024 * 1024

/** A body that nobody can read any more is given up. */
const forgotten = new FinalizationRegistry((exchange) => exchange.forget())

async function fetch (input, init, session) {
  session ??= sessions.defaultSession()
  if (init === undefined && typeof input === 'string' && /^https?:\/\//i.test(input)) {
    return send(session, { method: 'GET', url: input, credentials: 'include', headers: NO_HEADERS })
  }
  const { body, ...rest } = { __proto__: null, ...init }
  const plain = asBytes(body)
  // Bytes need not become a stream and bytes again.
  const request = new Request(input, plain ? rest : isStream(body) ? { duplex: 'half', ...init } : init)
  request.signal.throwIfAborted()
  const { protocol } = new URL(request.url)
  if (protocol === 'file:') return file(request)
  if (protocol !== 'http:' && protocol !== 'https:') throw errors.named('ERR_UNKNOWN_URL_SCHEME', -302)
  if (plain && (request.method === 'GET' || request.method === 'HEAD')) {
    throw new TypeError('Request with GET/HEAD method cannot have body.')
  }

  const headers = new Map()
  for (const [name, value] of request.headers) headers.set(name, { name, text: value })
  const origin = request.headers.get('origin') ?? undefined
  if (request.mode !== 'cors' || origin) {
    headers.set('sec-fetch-mode', { name: 'Sec-Fetch-Mode', text: request.mode })
  }
  if (plain?.type && !headers.has('content-type')) {
    headers.set('content-type', { name: 'content-type', text: plain.type })
  }
  const options = {
    method: request.method,
    url: request.url,
    origin,
    credentials: request.credentials === 'same-origin' && !origin ? 'include' : request.credentials,
    referrerPolicy: request.referrerPolicy,
    cache: request.cache,
    redirect: request.redirect,
    priority: rest.priority,
    timeout: rest.timeout,
    signal: request.signal,
    headers
  }
  if (plain) {
    options.body = plain.bytes
  } else if (request.body && (isStream(body) || input instanceof Request)) {
    options.stream = request.body
  } else if (request.body) {
    options.body = Buffer.from(await request.arrayBuffer())
    request.signal.throwIfAborted()
  }
  return send(session, options)
}

const NO_HEADERS = new Map()

/** Bytes and type of a body that is at hand, else nothing. */
function asBytes (body) {
  if (typeof body === 'string') return { bytes: Buffer.from(body), type: 'text/plain;charset=UTF-8' }
  if (body instanceof URLSearchParams) {
    return { bytes: Buffer.from(body.toString()), type: 'application/x-www-form-urlencoded;charset=UTF-8' }
  }
  // Copied before anybody else can change or detach it.
  if (ArrayBuffer.isView(body)) return { bytes: Buffer.from(new Uint8Array(body.buffer, body.byteOffset, body.byteLength)) }
  if (body instanceof ArrayBuffer) return { bytes: Buffer.from(new Uint8Array(body)) }
  return undefined
}

function isStream (body) {
  return body instanceof ReadableStream || (body != null && typeof body === 'object' && Symbol.asyncIterator in body)
}

function send (session, options) {
  return new Promise((resolve, reject) => new Exchange(session, options, resolve, reject))
}

/** One request and its response. Its body is not held here: whoever lets go of it ends the request. */
class Exchange {
  #id
  #options
  #head
  #chunks = []
  #pieces = 0
  #hasEnded = false
  #error
  // The body's controller; held while somebody waits for bytes.
  #controller
  #pulling
  #resolve
  #reject
  #unlisten
  #unsent = 0
  #upload
  #drained

  constructor (session, options, resolve, reject) {
    this.#options = options
    this.#resolve = resolve
    this.#reject = reject
    const { method, url, origin, headers, signal, body, stream } = options
    const { flags, limits } = flatten.flatten(options)
    const head = flatten.head(method, url, origin, headers)
    this.#id = native.start(
      this, sessions.nativeOf(session), head,
      flags | flatten.LATIN1 | (stream ? flatten.CHUNKED : 0), body, limits
    )
    if (signal) this.#listen(signal)
    if (stream) this.#send(stream)
  }

  onResponse (text, numbers) {
    this.#head = { parts: split(text), status: numbers[0], isRedirected: (numbers[2] & 2) !== 0 }
    // What has come with the head is seen first: a short body needs no stream.
    process.nextTick(deliver, this)
  }

  onData (bytes, pieces) {
    this.#pieces += pieces
    if (this.#controller === undefined) this.#chunks.push(bytes)
    else this.#enqueue(bytes)
  }

  onEnd () {
    this.#finish()
    const controller = this.#reachable()
    controller?.close()
    // A reader that waits with a buffer of its own gets it back.
    controller?.byobRequest?.respond(0)
  }

  onError (text, number, isTimeout) {
    const error = errors.fromRecord(text, number, isTimeout)
    if (this.#head === undefined || this.#controller !== undefined) return this.#fail(error)
    // A head that came in the same turn is delivered, and its body fails.
    this.#error = error
    this.#finish(error)
  }

  onRedirect () {
    const isManual = this.#options.redirect === 'manual'
    if (isManual) native.environment.deliverRedirect(this.#id)
    else native.environment.answerRedirect(this.#id, true)
  }

  onProgress () {}

  onWritten (bytes) {
    this.#unsent -= bytes
    if (this.#unsent < WINDOW) this.#drained?.()
  }

  forget () {
    this.#finish()
  }

  static deliver (exchange) {
    try {
      exchange.#deliver()
    } catch (error) {
      exchange.#fail(error)
    }
  }

  #deliver () {
    if (this.#resolve === undefined) return
    const { parts, status, isRedirected } = this.#head
    const [statusText, url] = parts
    const headers = []
    for (let at = 3; at + 1 < parts.length; at += 2) headers.push([parts[at], parts[at + 1]])
    let body = null
    if (!NULL_BODY.has(status) && this.#options.method !== 'HEAD') {
      body = this.#hasEnded && !this.#error ? whole(this.#chunks) : this.#open()
    } else if (!this.#hasEnded) {
      native.environment.want(this.#id, 1)
    }
    const isUsual = status >= 200 && status <= 599
    const response = new Response(body, { status: isUsual ? status : 200, statusText: statusText.replace(NOT_IN_REASON, ''), headers })
    Object.defineProperties(response, {
      url: { value: url, configurable: true },
      redirected: { value: isRedirected, configurable: true }
    })
    if (!isUsual) Object.defineProperty(response, 'status', { value: status, configurable: true })
    this.#chunks = []
    this.#resolve(response)
    this.#resolve = this.#reject = undefined
  }

  #reachable () {
    return this.#pulling ?? this.#controller?.deref()
  }

  #enqueue (bytes) {
    const controller = this.#reachable()
    if (controller === undefined) return this.#finish()
    // Before the next pull, which may come at once.
    this.#pulling = undefined
    // No Buffer: its users expect what fetch gives.
    controller.enqueue(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length))
  }

  #open () {
    const stream = new ReadableStream({
      type: 'bytes',
      start: (controller) => {
        this.#controller = new WeakRef(controller)
        for (const bytes of this.#chunks) this.#enqueue(bytes)
      },
      pull: (controller) => {
        this.#pulling = controller
        if (this.#error) return controller.error(this.#error)
        const pieces = this.#pieces
        this.#pieces = 0
        if (pieces > 0 && !this.#hasEnded) native.environment.want(this.#id, pieces)
      },
      cancel: () => this.#finish()
    }, { highWaterMark: 0 })
    if (!this.#hasEnded) forgotten.register(stream, this)
    return stream
  }

  async #send (stream) {
    const reader = (this.#upload = stream.getReader())
    try {
      for (;;) {
        const { done, value } = await reader.read()
        if (this.#hasEnded) return
        if (done) break
        if (!isUint8Array(value)) throw new TypeError('Received non-Uint8Array chunk')
        this.#unsent += value.length
        native.write(this.#id, value)
        if (this.#unsent >= WINDOW) {
          await new Promise((resolve) => { this.#drained = resolve })
          this.#drained = undefined
        }
      }
      native.environment.end(this.#id)
    } catch (error) {
      this.#fail(error)
    }
  }

  #listen (signal) {
    const stop = () => this.#fail(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
    this.#unlisten = () => signal.removeEventListener('abort', stop)
  }

  #fail (error) {
    if (this.#hasEnded) return
    this.#error = error
    this.#finish(error)
    this.#reject?.(error)
    this.#resolve = this.#reject = undefined
    try {
      this.#reachable()?.error(error)
    } catch {
      // The stream has ended already.
    }
  }

  /** Nothing more is awaited of the engine. */
  #finish (reason) {
    if (this.#hasEnded) return
    this.#hasEnded = true
    native.abort(this.#id)
    this.#unlisten?.()
    this.#drained?.()
    this.#upload?.cancel(reason).catch(() => {})
  }
}

const { deliver } = Exchange
delete Exchange.deliver

function whole (chunks) {
  return chunks.length === 0 ? new Uint8Array(0) : chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)
}

async function file (request) {
  let path
  try {
    path = fileURLToPath(request.url)
    if (!(await fs.stat(path)).isFile()) throw new Error('not a file')
  } catch (cause) {
    const error = new Error('net::ERR_FILE_NOT_FOUND', { cause })
    error.code = 'ERR_FILE_NOT_FOUND'
    error.errno = -6
    throw error
  }
  const response = new Response(Readable.toWeb(createReadStream(path)))
  Object.defineProperty(response, 'url', { value: request.url, configurable: true })
  return response
}

module.exports = { fetch }
