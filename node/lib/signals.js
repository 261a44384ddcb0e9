'use strict'
// One listener for each AbortSignal, however many requests it ends: Node warns of more, and a signal that
// lives long must not keep requests that are over.

const waiting = new WeakMap()

/**
 * Calls `stop` with the reason when `signal` is aborted, as long as `holder` lives; a function that takes
 * that back. A signal that has been aborted calls nobody.
 */
function whenAborted (signal, holder, stop) {
  let all = waiting.get(signal)
  if (all === undefined) {
    all = new Set()
    waiting.set(signal, all)
    signal.addEventListener('abort', () => {
      for (const one of [...all]) one()
    }, { once: true })
  }
  const held = new WeakRef(holder)
  const one = () => {
    all.delete(one)
    const holder = held.deref()
    if (holder !== undefined) stop(holder, signal.reason)
  }
  all.add(one)
  gone.register(holder, () => all.delete(one))
  return () => all.delete(one)
}

const gone = new FinalizationRegistry((takeBack) => takeBack())

module.exports = { whenAborted }
