'use strict'
// The addon, and the one way of what happens into JavaScript: `wake` is called when there is something,
// and hands each record to the exchange that it belongs to. One instance for each environment (the main
// thread, each worker). Decides nothing.

const { isSharedArrayBuffer } = require('node:util/types')
const { load } = require('./binary.js')
const errors = require('./errors.js')
const { Registry } = require('./registry.js')

const addon = load()

// What is handed out has its memory to itself: its owner may give it away, by `transfer()` or into a stream
// of bytes, and sees all of it. So a slab that is mostly one piece goes out as it is and another takes its
// place; smaller pieces are copied out of it.
const SLAB = 128 * 1024
let slab = Buffer.allocUnsafeSlow(SLAB)
let last = 0
const numbers = new Int32Array(4096)

const exchanges = new Registry()
// By this name an exchange has the AsyncResource in whose context it is told what happened.
const SCOPE = Symbol('scope')

const environment = new addon.Environment(wake)

function wake () {
  for (;;) {
    const count = environment.drain(numbers, slab)
    const missing = numbers[0]
    last = numbers[1]
    for (let at = 2; at < count;) at = dispatch(at)
    if (missing > slab.length || slab.length > SLAB) slab = Buffer.allocUnsafeSlow(Math.max(SLAB, missing))
    if (missing === 0) return
  }
}

// Kinds of records; `src/records.rs` writes them.
const RESPONSE = 1
const DATA = 2
const END = 3
const ERROR = 4
const REDIRECT = 5
const PROGRESS = 6
const WRITTEN = 7
const SETTLED = 8
const CHANGED = 9
// How many numbers each takes: its kind, whose it is, and what is said below.
const SIZES = [0, 18, 5, 6, 6, 5, 6, 4, 4, 4]

/** Hands the record at `at` to its exchange; where the next one begins. */
function dispatch (at) {
  const kind = numbers[at]
  const id = numbers[at + 1]
  const exchange = exchanges.find(id)
  if (kind === END || kind === ERROR || kind === SETTLED) exchanges.remove(id)
  // A listener that throws must neither lose the records behind nor go unseen.
  try {
    const scope = exchange?.[SCOPE]
    if (scope !== undefined) scope.runInAsyncScope(tell, undefined, exchange, kind, at + 2)
    else if (exchange !== undefined) tell(exchange, kind, at + 2)
  } catch (error) {
    process.nextTick(raise, error)
  }
  return at + SIZES[kind]
}

function tell (exchange, kind, at) {
  switch (kind) {
    case RESPONSE: return exchange.onResponse(latin1(at), numbers.slice(at + 2, at + 16))
    case DATA: return exchange.onData(bytes(at), numbers[at + 2])
    case END: return exchange.onEnd(latin1(at), numbers[at + 2], numbers[at + 3])
    case ERROR: return exchange.onError(utf8(at), numbers[at + 2], numbers[at + 3] === 1)
    case REDIRECT: return exchange.onRedirect(latin1(at), numbers[at + 2])
    case PROGRESS: return exchange.onProgress(whole(at), whole(at + 2))
    case WRITTEN: return exchange.onWritten(whole(at))
    case SETTLED: return exchange.onSettled(utf8(at))
    case CHANGED: return exchange.onChanged(utf8(at))
  }
}

function raise (error) {
  throw error
}

function bytes (at) {
  const start = numbers[at]
  const length = numbers[at + 1]
  const piece = slab.subarray(start, start + length)
  if (at - 2 === last && start === 0 && length >= slab.length / 2) {
    // What lay there before is nobody's to see.
    slab.fill(0, length)
    slab = Buffer.allocUnsafeSlow(SLAB)
    return piece
  }
  const copy = Buffer.allocUnsafeSlow(length)
  copy.set(piece)
  return copy
}

function latin1 (at) {
  const length = numbers[at + 1]
  return length === 0 ? '' : slab.latin1Slice(numbers[at], numbers[at] + length)
}

function utf8 (at) {
  return numbers[at + 1] === 0 ? '' : slab.utf8Slice(numbers[at], numbers[at] + numbers[at + 1])
}

function whole (at) {
  return (numbers[at] >>> 0) + (numbers[at + 1] >>> 0) * 0x100000000
}

/**
 * Begins a request. `exchange` hears of it: onResponse, onData, onEnd, onError, onRedirect, onProgress,
 * onWritten. It is held until the end, and so is the process.
 */
function start (exchange, session, head, flags, body, limits) {
  const id = exchanges.add(exchange)
  try {
    environment.start(id, session, head, flags, body, limits)
  } catch (error) {
    exchanges.remove(id)
    throw error
  }
  return id
}

/** A piece of a chunked body; copied before this returns. */
function write (id, chunk) {
  // Memory of other threads they could write to while it is copied.
  environment.write(id, isSharedArrayBuffer(chunk.buffer) ? Buffer.from(chunk) : chunk)
}

/** The number by which records name `exchange`; for good. */
function register (exchange) {
  return exchanges.add(exchange)
}

/** Asks a session: `put` makes the call, with the number of the question. A promise of the answer's text. */
function ask (put) {
  return new Promise((resolve, reject) => {
    const id = exchanges.add({
      onSettled: resolve,
      onError: (text, number, isTimeout) => reject(errors.fromRecord(text, number, isTimeout))
    })
    try {
      put(id)
    } catch (error) {
      exchanges.remove(id)
      reject(error)
    }
  })
}

/** Ends a request: its exchange hears nothing more. */
function abort (id) {
  if (exchanges.remove(id)) environment.abort(id)
}

module.exports = { addon, environment, SCOPE, start, write, register, ask, abort }
