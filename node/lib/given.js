'use strict'
// What a caller gives, read once: a getter is asked once, and what somebody put on Object.prototype is no
// option.

function own (options) {
  return { __proto__: null, ...options }
}

function text (value) {
  return value == null ? undefined : String(value)
}

function flag (value) {
  return typeof value === 'boolean' ? value : undefined
}

function time (value) {
  return typeof value === 'number' && !Number.isNaN(value) ? value : undefined
}

/** The texts of an array; none where there is none. Whatever else is a TypeError, as is one of no use to anybody. */
function texts (name, value) {
  if (value == null) return []
  if (!Array.isArray(value) || value.length > MOST) throw new TypeError(`${name} must be an array of strings`)
  const all = []
  for (let at = 0; at < value.length; at++) {
    const one = value[at]
    if (typeof one !== 'string') throw new TypeError(`${name} must be an array of strings`)
    all.push(one)
  }
  return all
}

const MOST = 100_000

module.exports = { own, text, flag, time, texts }
