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
const { whenAborted } = require('./signals.js')

const NULL_BODY = new Set([101, 204, 205, 304])
// A reason phrase comes as it was sent; a Response takes what RFC 9112 §4 allows.
const NOT_IN_REASON = /[^\t\x20-\x7e\x80-\xff]/g
// Bytes of an upload that may be on their way before more is read from its stream.
const WINDOW = 1024 * 1024

/** A body that nobody can read any more is given up. */
const forgotten = new FinalizationRegistry((exchange) => exchange.forget())

async function fetch (input, init, session) {
  session ??= sessions.defaultSession()
  // What a Request would say of the commonest of all, without one. User and password are its to refuse.
  if (init === undefined && typeof input === 'string' && /^https?:\/\/[^@]*$/i.test(input)) {
    return send(session, { method: 'GET', url: input, credentials: 'include', headers: ACCEPT })
  }
  const { body, ...rest } = { __proto__: null, ...init }
  const plain = asBytes(body)
  // Bytes need not become a stream and bytes again.
  const request = new Request(input, plain ? rest : isStream(body) ? { duplex: 'half', ...init } : init)
  request.signal.throwIfAborted()
  const { protocol } = new URL(request.url)
  if (protocol === 'file:') return file(request)
  if (protocol !== 'http:' && protocol !== 'https:') throw errors.named('ERR_UNKNOWN_URL_SCHEME', -302)
  // A body that was to be checked must not pass unchecked.
  if (request.integrity) throw errors.notImplemented('integrity of fetch')
  if (plain && (request.method === 'GET' || request.method === 'HEAD')) {
    throw new TypeError('Request with GET/HEAD method cannot have body.')
  }

  const headers = new Map()
  for (const [name, value] of request.headers) headers.set(name, { name, text: value })
  const origin = request.headers.get('origin') ?? undefined
  if (request.mode !== 'cors' || origin) {
    headers.set('sec-fetch-mode', { name: 'Sec-Fetch-Mode', text: request.mode })
  }
  if (!headers.has('accept')) headers.set('accept', ACCEPT.get('accept'))
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
  } else if (request.body && isStream(body)) {
    options.stream = request.body.getReader()
  } else if (request.body && body === undefined) {
    Object.assign(options, await atHand(request.body.getReader()))
    request.signal.throwIfAborted()
  } else if (request.body) {
    options.body = Buffer.from(await request.arrayBuffer())
    request.signal.throwIfAborted()
  }
  return send(session, options)
}

// Fetch §4.6 HTTP fetch, step 4.
const ACCEPT = new Map([['accept', { name: 'Accept', text: '*/*' }]])

/**
 * The body of a Request, which does not say what it was made of: whole if it is there at once, so that it has
 * a length and can be sent again, else as a stream.
 */
async function atHand (reader) {
  const chunks = []
  let length = 0
  while (length < WINDOW) {
    const pending = reader.read()
    const next = await Promise.race([pending, new Promise(setImmediate)])
    if (next?.done) return { body: Buffer.concat(chunks) }
    const isHere = next !== undefined && isUint8Array(next.value)
    if (!isHere) return { stream: behind(chunks, reader, pending) }
    chunks.push(next.value)
    length += next.value.length
  }
  return { stream: behind(chunks, reader) }
}

/** A reader of `chunks`, of what is being read and of what `reader` reads. */
function behind (chunks, reader, pending) {
  return {
    async read () {
      if (chunks.length > 0) return { done: false, value: chunks.shift() }
      const next = pending ?? reader.read()
      pending = undefined
      return next
    },
    cancel: (reason) => reader.cancel(reason)
  }
}

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
  #isResting = false
  #isDiscarding = false
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
    if (options.signal) this.#listen(options.signal)
    // What is aborted in the same turn never goes out.
    process.nextTick(Exchange.#begin, this, session)
  }

  static #begin (exchange, session) {
    try {
      exchange.#start(session)
    } catch (error) {
      exchange.#fail(error)
    }
  }

  #start (session) {
    if (this.#hasEnded) return
    const { method, url, origin, headers, body, stream } = this.#options
    const { flags, limits } = flatten.flatten(this.#options)
    const head = flatten.head(method, url, origin, headers)
    this.#id = native.start(
      this, sessions.nativeOf(session), head,
      flags | flatten.LATIN1 | (stream ? flatten.CHUNKED : 0), body, limits
    )
    if (stream) this.#send(stream)
  }

  onResponse (text, numbers) {
    this.#head = { parts: split(text), status: numbers[0], isRedirected: (numbers[2] & 2) !== 0 }
    // What has come with the head is seen first: a short body needs no stream.
    process.nextTick(deliver, this)
  }

  onData (bytes, pieces) {
    if (this.#isDiscarding) return native.environment.want(this.#id, pieces)
    this.#pieces += pieces
    if (this.#controller === undefined) this.#chunks.push(bytes)
    else this.#enqueue(bytes)
  }

  onEnd () {
    this.#finish()
    const controller = this.#reachable()
    try {
      controller?.close()
      // A reader that waits with a buffer of its own gets it back.
      controller?.byobRequest?.respond(0)
    } catch {
      // It waits for more bytes than there are, and has been told.
    }
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
      exchange.#refuse(error)
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
      // What a status or method has no body for is read to its end, for the connection's sake.
      this.#isDiscarding = true
      native.environment.want(this.#id, this.#pieces)
      this.#rest(true)
    }
    const isUsual = status >= 200 && status <= 599
    const response = dressed(new Response(body, { status: isUsual ? status : 200, statusText: statusText.replace(NOT_IN_REASON, ''), headers }), {
      url: url.split('#', 1)[0], redirected: isRedirected, ...(isUsual ? {} : { status, ok: false })
    })
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
    if (this.#pulling === undefined) this.#rest(true)
  }

  /** Whether the process may end: nobody waits for bytes. */
  #rest (isResting) {
    if (this.#hasEnded || this.#isResting === isResting) return
    this.#isResting = isResting
    native.environment.rest(this.#id, isResting)
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
        this.#rest(false)
        const pieces = this.#pieces
        this.#pieces = 0
        if (pieces > 0 && !this.#hasEnded) native.environment.want(this.#id, pieces)
      },
      cancel: () => this.#finish()
    }, { highWaterMark: 0 })
    if (!this.#hasEnded) forgotten.register(stream, this)
    this.#rest(true)
    return stream
  }

  async #send (reader) {
    this.#upload = reader
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
    this.#unlisten = whenAborted(signal, this, (exchange, reason) => exchange.#fail(reason))
  }

  /** There will be no Response, unless there is one. */
  #refuse (error) {
    this.#finish(error)
    this.#reject?.(error)
    this.#resolve = this.#reject = undefined
  }

  #fail (error) {
    if (this.#hasEnded) return
    this.#error = error
    this.#refuse(error)
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
    if (this.#id !== undefined) native.abort(this.#id)
    this.#unlisten?.()
    this.#drained?.()
    this.#upload?.cancel(reason).catch(() => {})
  }
}

const { deliver } = Exchange
delete Exchange.deliver

/** A Response with what its constructor does not take, and so its clones. */
function dressed (response, properties) {
  for (const [name, value] of Object.entries(properties)) {
    Object.defineProperty(response, name, { value, configurable: true })
  }
  const clone = () => dressed(Response.prototype.clone.call(response), properties)
  return Object.defineProperty(response, 'clone', { value: clone, configurable: true, writable: true })
}

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
  if (request.method !== 'GET' && request.method !== 'HEAD') throw errors.named('ERR_METHOD_NOT_SUPPORTED', -322)
  const stream = request.method === 'HEAD' ? null : createReadStream(path)
  const { signal } = request
  if (stream) stream.once('close', whenAborted(signal, stream, (stream, reason) => stream.destroy(reason)))
  return dressed(new Response(stream && Readable.toWeb(stream)), { url: request.url.split('#', 1)[0] })
}

module.exports = { fetch }
