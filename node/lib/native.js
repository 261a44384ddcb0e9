'use strict'
// The addon, and the one way of what happens into JavaScript: `wake` is called when there is something,
// and hands each record to the exchange that it belongs to. One instance for each environment (the main
// thread, each worker). Decides nothing.

const { markAsUntransferable } = require('node:worker_threads')
const { load } = require('./binary.js')
const errors = require('./errors.js')
const { Registry } = require('./registry.js')

const addon = load()

// Slabs hold the bytes of many responses, as Node's own pool of Buffers does. They are ours alone: taken
// away by `transfer()` their length is 0, and the next drain asks for another.
const SLAB = 256 * 1024
let slab = newSlab(SLAB)
let position = 0
const numbers = new Int32Array(4096)

const exchanges = new Registry()

const environment = new addon.Environment(wake)

function newSlab (size) {
  const bytes = Buffer.allocUnsafeSlow(size)
  markAsUntransferable(bytes.buffer)
  return bytes
}

function wake () {
  for (;;) {
    const count = environment.drain(numbers, slab, position)
    position = numbers[0]
    const missing = numbers[1]
    for (let at = 2; at < count;) at = dispatch(at)
    if (missing === 0) return
    if (missing > 1 || position >= slab.length) {
      slab = newSlab(Math.max(SLAB, missing))
      position = 0
    }
  }
}

// Kinds of records and how many numbers each takes; `src/records.rs` writes them.
const RESPONSE = 1
const DATA = 2
const END = 3
const ERROR = 4
const REDIRECT = 5
const PROGRESS = 6
const WRITTEN = 7
const SETTLED = 8
const CHANGED = 9

function dispatch (at) {
  const kind = numbers[at]
  const id = numbers[at + 1]
  const exchange = exchanges.find(id)
  // A listener that throws must neither lose the records behind nor go unseen.
  try {
    switch (kind) {
      case RESPONSE:
        at += 18
        exchange?.onResponse(latin1(at - 16), numbers.slice(at - 14, at))
        return at
      case DATA:
        at += 5
        exchange?.onData(slab.subarray(numbers[at - 3], numbers[at - 3] + numbers[at - 2]), numbers[at - 1])
        return at
      case END:
        at += 6
        exchanges.remove(id)
        exchange?.onEnd(latin1(at - 4), numbers[at - 2], numbers[at - 1])
        return at
      case ERROR:
        at += 6
        exchanges.remove(id)
        exchange?.onError(utf8(at - 4), numbers[at - 2], numbers[at - 1] === 1)
        return at
      case REDIRECT:
        at += 5
        exchange?.onRedirect(latin1(at - 3), numbers[at - 1])
        return at
      case PROGRESS:
        at += 6
        exchange?.onProgress(whole(at - 4), whole(at - 2))
        return at
      case WRITTEN:
        at += 4
        exchange?.onWritten(whole(at - 2))
        return at
      case SETTLED:
        at += 4
        exchanges.remove(id)
        exchange?.onSettled(utf8(at - 2))
        return at
      case CHANGED:
        at += 4
        exchange?.onChanged(utf8(at - 2))
        return at
    }
  } catch (error) {
    process.nextTick(raise, error)
    return at
  }
}

function raise (error) {
  throw error
}

function latin1 (at) {
  const length = numbers[at + 1]
  return length === 0 ? '' : slab.latin1Slice(numbers[at], numbers[at] + length)
}

function utf8 (at) {
  return slab.utf8Slice(numbers[at], numbers[at] + numbers[at + 1])
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

module.exports = { addon, environment, start, register, ask, abort }
