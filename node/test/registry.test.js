'use strict'
const test = require('node:test')
const assert = require('node:assert')
const { Registry } = require('../lib/registry.js')

test('a value is found by its number until it is removed', () => {
  const registry = new Registry()
  const number = registry.add('one')
  assert.strictEqual(registry.find(number), 'one')
  assert.strictEqual(registry.remove(number), true)
  assert.deepStrictEqual([registry.find(number), registry.remove(number)], [undefined, false])
})

test('among many values that come and go, numbers differ and those that stay are found', () => {
  const registry = new Registry()
  const held = new Map()
  for (let round = 0; round < 20000; round++) {
    const number = registry.add(round)
    assert.ok(number > 0 && !held.has(number))
    held.set(number, round)
    // Every seventh stays.
    if (round % 7 !== 0) {
      registry.remove(number)
      held.delete(number)
    }
  }
  for (const [number, round] of held) assert.strictEqual(registry.find(number), round)
})

test('a number that was removed is not given to the next value', () => {
  const registry = new Registry()
  const first = registry.add('first')
  registry.remove(first)
  const second = registry.add('second')
  assert.notStrictEqual(first, second)
  assert.strictEqual(registry.find(first), undefined)
})
