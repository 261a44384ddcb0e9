'use strict'
// A request by Electron's contract. Node's stream rules and Electron's words live here; what happens on
// the way is the engine's.

const { AsyncResource } = require('node:async_hooks')
const { Writable } = require('node:stream')
const native = require('./native.js')
const options = require('./options.js')
const errors = require('./errors.js')
const { IncomingMessage, ...message } = require('./incoming_message.js')
const { nativeOf } = require('./session.js')
const { whenAborted } = require('./signals.js')

// `close` comes last of all, behind the response's: it is ours to emit.
const WRITABLE = { autoDestroy: false, emitClose: false }
// Bytes of a chunked body that may be on their way before a write waits.
const WINDOW = 1024 * 1024

class ClientRequest extends Writable {
  #options
  // What of the life of a request lies behind: it only ever goes down this list.
  #state = OPEN
  #isFrozen = false
  #chunked
  #id = 0
  #body
  #response
  #following
  #progress
  #unsent = 0
  #writing
  #isAborted = false
  #hasClosed = false
  #unlisten

  constructor (given, callback) {
    super(WRITABLE)
    // Listeners run in the context that the request was made in, as with node:http.
    this[native.SCOPE] = new AsyncResource('NETREQ_REQUEST')
    if (callback) this.once('response', callback)
    this.#options = options.parse(given)
    if (this.#options.signal) this.#listen(this.#options.signal)
    if (this.#options.isCompatible) this.once('finish', () => this.#emitClose())
  }

  get chunkedEncoding () {
    return this.#chunked === true
  }

  set chunkedEncoding (value) {
    if (this.#isFrozen) {
      throw new Error('chunkedEncoding can only be set before the request is started')
    }
    if (this.#chunked !== undefined) throw new Error('chunkedEncoding can only be set once')
    this.#chunked = !!value
  }

  setHeader (name, value) {
    if (this.#isFrozen) throw new Error("Can't set headers after they are sent")
    const { headers, areSeparate } = this.#options
    const field = options.checked(name, value, areSeparate)
    headers.set(name.toLowerCase(), field)
  }

  getHeader (name) {
    if (name == null) throw new Error('`name` is required for getHeader(name)')
    return this.#options.headers.get(String(name).toLowerCase())?.value
  }

  removeHeader (name) {
    if (name == null) throw new Error('`name` is required for removeHeader(name)')
    if (this.#isFrozen) throw new Error("Can't remove headers after they are sent")
    this.#options.headers.delete(String(name).toLowerCase())
  }

  // Not in Electron: as node:http has them.

  hasHeader (name) {
    return this.#options.headers.has(String(name).toLowerCase())
  }

  getHeaderNames () {
    return [...this.#options.headers.keys()]
  }

  getHeaders () {
    const headers = { __proto__: null }
    for (const [name, field] of this.#options.headers) headers[name] = field.value
    return headers
  }

  _write (chunk, encoding, callback) {
    this.#isFrozen = true
    if (!this.chunkedEncoding) {
      // Whoever wrote it may use its memory for something else.
      (this.#body ??= []).push(Buffer.from(chunk))
      return callback()
    }
    const isFirst = this.#state === OPEN
    if (isFirst) this.#start()
    if (this.#state !== STARTED || (chunk.length === 0 && !isFirst)) return callback()
    this.#unsent += chunk.length
    // The first one has the head sent, even if it is empty.
    native.write(this.#id, chunk)
    if (this.#unsent < WINDOW) return callback()
    this.#writing = callback
  }

  _final (callback) {
    if (this.#state === OPEN && !this.chunkedEncoding) {
      this.#isFrozen = true
      this.#state = STARTED
      // What is aborted in the same turn never goes out.
      process.nextTick(ClientRequest.#begin, this)
      return callback()
    }
    if (this.#state === OPEN) this.#start()
    if (this.#state === STARTED && this.chunkedEncoding) native.environment.end(this.#id)
    callback()
  }

  static #begin (request) {
    if (request.#state === STARTED) request.#start()
  }

  followRedirect (headers) {
    if (this.#following === undefined) {
      throw new Error('followRedirect() called, but was not waiting for a redirect')
    }
    this.#following = headers == null ? true : fieldsOf(headers)
  }

  abort () {
    const { isCompatible } = this.#options
    if (this.#isAborted || (this.#state === CLOSED && !isCompatible)) return
    this.#isAborted = true
    this.#cancel()
    this.#breakOff()
    this.destroy()
    process.nextTick(emit, this, 'abort')
    this.#close()
  }

  getUploadProgress () {
    return this.#progress
      ? { active: true, started: true, ...this.#progress }
      : { active: false, started: false, current: 0, total: 0 }
  }

  /** Fails the request; without an error it ends as by `abort`, in silence. */
  _destroy (error, callback) {
    callback(error)
    if (this.#state === ENDED || this.#state === CLOSED) return
    this.#cancel()
    this.#breakOff(error ?? undefined)
    this.#close()
  }

  #start () {
    const { method, url, origin, headers, session, flags, limits } = this.#options
    this.#isFrozen = true
    try {
      const head = options.head(method, url, origin, headers)
      const body = this.#body && (this.#body.length === 1 ? this.#body[0] : Buffer.concat(this.#body))
      this.#body = undefined
      const all = this.chunkedEncoding ? flags | options.CHUNKED : flags
      this.#id = native.start(this, nativeOf(session), head, all, body, limits)
      this.#state = STARTED
    } catch (error) {
      this.#state = ENDED
      this.destroy(error)
      this.#close()
    }
  }

  #listen (signal) {
    if (!signal.aborted) {
      this.#unlisten = whenAborted(signal, this, destroy)
      return
    }
    // Nothing of it goes out.
    this.#state = ENDED
    process.nextTick(() => {
      this.destroy(signal.reason)
      this.#close()
    })
  }

  /** The response ends before its body does. */
  #breakOff (error) {
    const response = this.#response
    if (response === undefined || response.destroyed) return
    if (!response.readableEnded) {
      response.aborted = true
      if (!this.#options.isCompatible) response.emit('aborted')
    }
    response.destroy(error)
  }

  /** No word of the engine is awaited any more. */
  #cancel () {
    if (this.#state === STARTED) native.abort(this.#id)
    this.#state = ENDED
    this.#release()
  }

  /** A write that waits waits for nothing. */
  #release () {
    const writing = this.#writing
    this.#writing = undefined
    if (writing) writing()
  }

  #close () {
    if (this.#state === CLOSED) return
    this.#state = CLOSED
    this.#unlisten?.()
    this.#emitClose()
  }

  /** Once: the last event, or with `compat` the one behind `finish`, as Electron's code has it. */
  #emitClose () {
    if (this.#hasClosed) return
    this.#hasClosed = true
    process.nextTick(emit, this, 'close')
  }

  // What the engine tells; see `native.start`.

  onResponse (text, numbers) {
    const response = new IncomingMessage(this, text, numbers)
    this.#response = response
    if (this.emit('response', response)) return
    // Nobody was given it: what goes wrong with it the request says.
    response.on('error', () => {}).resume()
  }

  onData (bytes, pieces) {
    if (!this.#response.destroyed) message.data(this.#response, bytes, pieces)
  }

  onEnd (trailers, receive, received) {
    this.#state = ENDED
    this.#release()
    if (!this.#response.destroyed) message.end(this.#response, trailers, receive, received)
  }

  onError (text, number, isTimeout) {
    const full = errors.fromRecord(text, number, isTimeout)
    const error = this.#options.isCompatible ? new full.constructor(full.message) : full
    this.#state = ENDED
    this.#release()
    // First here, then at the response, and `close` behind both.
    this.destroy(error)
    this.#breakOff(error)
    this.#close()
  }

  onRedirect (text, status) {
    const [method, url, ...raw] = text.split('\0')
    const headers = {}
    for (let at = 0; at + 1 < raw.length; at += 2) {
      const name = raw[at].toLowerCase()
      if (Object.hasOwn(headers, name)) headers[name].push(raw[at + 1])
      else message.put(headers, name, [raw[at + 1]])
    }
    this.#following = false
    try {
      this.emit('redirect', status, method, url, headers)
    } finally {
      const following = this.#following
      this.#following = undefined
      if (this.#state === STARTED) {
        const isFollowed = following !== false || this.#options.redirect === 'follow'
        const fields = typeof following === 'string' ? following : undefined
        native.environment.answerRedirect(this.#id, isFollowed, fields)
      }
    }
  }

  onProgress (current, total) {
    this.#progress = { current, total }
    this.emit('upload-progress', current, total)
  }

  onWritten (bytes) {
    this.#unsent -= bytes
    if (this.#unsent < WINDOW) this.#release()
  }

  // What the response asks of its owner.

  want (pieces) {
    if (this.#state === STARTED) native.environment.want(this.#id, pieces)
  }

  responseClosed () {
    if (this.#state === CLOSED || this.#isAborted) return
    this.#cancel()
    this.destroy()
    this.#close()
  }
}

const OPEN = 0
const STARTED = 1
const ENDED = 2
const CLOSED = 3

// Outside the class: a closure of `#listen` would hold the request.
function destroy (request, reason) {
  request.destroy(reason)
}

function emit (request, name) {
  request.emit(name)
}

function fieldsOf (headers) {
  let text = ''
  for (const [name, value] of Object.entries(headers)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      text += `${name}\0${options.checked(name, one).text}\0`
    }
  }
  return text
}

module.exports = { ClientRequest }
