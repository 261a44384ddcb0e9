'use strict'
// What is live, by number. A Map would do, but for what V8 makes of one that is changed all the time: each
// table it outgrows refers to the next, so that a dead one in old memory keeps everything that was in
// those behind it until the next full collection, and every young collection copies it.

class Registry {
  // A value's place is the low bits of its number; so numbers are given whose place is free.
  #values = new Array(LEAST).fill(undefined)
  #numbers = new Int32Array(LEAST)
  #size = 0
  #last = 0

  /** Holds `value`; its number, from 1 to 2³¹-1, is not given again soon. */
  add (value) {
    if (this.#size * 2 >= this.#values.length) this.#grow()
    const mask = this.#values.length - 1
    do this.#last = (this.#last + 1) & 0x7fffffff; while (this.#last === 0 || this.#values[this.#last & mask] !== undefined)
    this.#put(this.#last, value)
    this.#size++
    return this.#last
  }

  find (number) {
    const place = number & (this.#values.length - 1)
    return this.#numbers[place] === number ? this.#values[place] : undefined
  }

  /** Whether there was one. */
  remove (number) {
    if (this.find(number) === undefined) return false
    this.#values[number & (this.#values.length - 1)] = undefined
    this.#size--
    return true
  }

  #put (number, value) {
    const place = number & (this.#values.length - 1)
    this.#numbers[place] = number
    this.#values[place] = value
  }

  /** Numbers that differ in their low bits do so in one bit more. */
  #grow () {
    const values = this.#values
    const numbers = this.#numbers
    this.#values = new Array(2 * values.length).fill(undefined)
    this.#numbers = new Int32Array(2 * values.length)
    values.forEach((value, place) => {
      if (value !== undefined) this.#put(numbers[place], value)
    })
  }
}

const LEAST = 256

module.exports = { Registry }
