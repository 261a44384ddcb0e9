'use strict'
// A response. What its head says is taken apart when somebody asks; its body comes as it is read.

const { Readable } = require('node:stream')
const { addon } = require('./native.js')

const SPANS = ['resolve', 'connect', 'tls', 'send', 'wait']

/**
 * Electron's `IncomingMessage`. Besides: `url`, `redirected`, `remoteAddress`, `remotePort`,
 * `protocol`, `timing`, `connectionReused`, and trailers once the body ended.
 */
class IncomingMessage extends Readable {
  #owner
  #text
  #parts
  #numbers
  #headers
  #trailers = ''
  #receive = -1
  #received = -1
  #pieces = 0
  #length = 0

  // `owner` is asked for more and told of the end; `text` and `numbers` are of the record.
  constructor (owner, text, numbers) {
    super(READABLE)
    this.#owner = owner
    this.#text = text
    this.#numbers = numbers
    this.statusCode = numbers[0]
    this.aborted = false
  }

  get statusMessage () {
    return this.#head()[0]
  }

  get httpVersion () {
    return `${this.httpVersionMajor}.${this.httpVersionMinor}`
  }

  get httpVersionMajor () {
    return this.#numbers[1] >> 8
  }

  get httpVersionMinor () {
    return this.#numbers[1] & 0xff
  }

  /** As it was spoken: `http/1.1`. */
  get protocol () {
    return `http/${this.httpVersion}`
  }

  get headers () {
    return (this.#headers ??= merged(this.rawHeaders))
  }

  get rawHeaders () {
    return this.#head().slice(3)
  }

  get trailers () {
    return merged(this.rawTrailers)
  }

  get rawTrailers () {
    return split(this.#trailers)
  }

  /** Where the response came from, after all redirects. */
  get url () {
    return this.#head()[1]
  }

  get redirected () {
    return (this.#numbers[2] & 2) !== 0
  }

  get connectionReused () {
    return (this.#numbers[2] & 1) !== 0
  }

  get remoteAddress () {
    return this.#head()[2] || undefined
  }

  get remotePort () {
    return this.#numbers[3] || undefined
  }

  /**
   * When the phases happened, each `{ start, end }` in milliseconds from the start of the last hop; what
   * did not happen is null, and so is `receive` until the body has been read.
   */
  get timing () {
    const timing = {}
    SPANS.forEach((name, index) => {
      timing[name] = span(this.#numbers[4 + 2 * index], this.#numbers[5 + 2 * index])
    })
    timing.receive = span(this.#receive, this.#received)
    return timing
  }

  #head () {
    return (this.#parts ??= split(this.#text))
  }

  read (size) {
    try {
      return super.read(size)
    } catch (error) {
      process.nextTick(flow, this)
      throw error
    }
  }

  _read () {
    if (this.#pieces > 0) {
      const pieces = this.#pieces
      this.#pieces = 0
      this.#owner.want(pieces)
    }
  }

  _destroy (error, callback) {
    callback(error)
    this.#owner.responseClosed()
  }

  // From here on: what the owner tells it.

  static data (message, bytes, pieces) {
    message.#pieces += pieces
    message.#length += bytes.length
    try {
      message.push(bytes)
      // Electron's code has it, its documentation does not.
      if (message.listenerCount('download-progress') > 0) message.emit('download-progress', message.#length)
    } catch (error) {
      process.nextTick(flow, message)
      throw error
    }
  }

  static end (message, trailers, receive, received) {
    message.#trailers = trailers
    message.#receive = receive
    message.#received = received
    message.#pieces = 0
    message.push(null)
  }
}

/** Goes on behind a listener that threw: whoever handles that wants the rest, too. */
function flow (message) {
  while (message.readableFlowing && message.read() !== null);
}

const READABLE = { highWaterMark: 64 * 1024 }

function split (text) {
  const parts = text.split('\0')
  parts.pop()
  return parts
}

/** Fields by Node's rules, which are the engine's to know. */
function merged (raw) {
  const fields = {}
  const parts = split(addon.mergeHeaders(raw.length === 0 ? '' : raw.join('\0') + '\0'))
  for (let at = 0; at < parts.length; at += 2) {
    const name = parts[at]
    if (name === 'set-cookie') {
      (fields[name] ??= []).push(parts[at + 1])
    } else {
      put(fields, name, parts[at + 1])
    }
  }
  return fields
}

/** Sets a property also where its name is `__proto__`. */
function put (object, name, value) {
  if (name === '__proto__') {
    Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true })
  } else {
    object[name] = value
  }
}

function span (start, end) {
  return start < 0 ? null : { start: start / 1000, end: end / 1000 }
}

const { data, end } = IncomingMessage
delete IncomingMessage.data
delete IncomingMessage.end

module.exports = { IncomingMessage, data, end, split, put }
