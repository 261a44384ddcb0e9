'use strict'
// Electron's `session.cookies`.

const { EventEmitter } = require('node:events')
const { flag, own, text, time } = require('./given.js')
const native = require('./native.js')
const { environment } = native

const making = Symbol('making')
// Parts of a cookie in a record; `src/questions.rs` writes them.
const PARTS = 8

class Cookies extends EventEmitter {
  #session
  #isListening = false

  constructor (key, session) {
    if (key !== making) throw new TypeError('Illegal constructor')
    super()
    this.#session = session
    this.on('newListener', (name) => {
      if (name === 'changed') this.#listen()
    })
  }

  /** The cookies that pass the filter; all of them without one. */
  async get (filter) {
    const { url, name, domain, path, secure, session, httpOnly } = own(filter)
    const wanted = {
      url: text(url), name: text(name), domain: text(domain), path: text(path),
      secure: flag(secure), session: flag(session), httpOnly: flag(httpOnly)
    }
    const answer = await native.ask((id) => environment.cookiesGet(id, this.#session, wanted))
    const parts = answer.split('\0')
    const found = []
    for (let at = 0; at + PARTS <= parts.length; at += PARTS) found.push(cookie(parts, at))
    return found
  }

  async set (details) {
    const { url, name, value, domain, path, secure, httpOnly, sameSite, expirationDate, creationDate, lastAccessDate } = own(details)
    if (url === undefined) throw new TypeError("Missing required option 'url'")
    const set = {
      url: String(url), name: text(name), value: text(value), domain: text(domain), path: text(path),
      secure: flag(secure), httpOnly: flag(httpOnly), sameSite: text(sameSite),
      expirationDate: time(expirationDate), creationDate: time(creationDate), lastAccessDate: time(lastAccessDate)
    }
    await native.ask((id) => environment.cookiesSet(id, this.#session, set))
  }

  async remove (url, name) {
    await native.ask((id) => environment.cookiesRemove(id, this.#session, String(url), String(name)))
  }

  async flushStore () {
    await native.ask((id) => environment.flush(id, this.#session))
  }

  #listen () {
    if (this.#isListening) return
    this.#isListening = true
    environment.listen(native.register(this.#listener()), this.#session)
  }

  #listener () {
    return {
      onChanged: (record) => {
        const [cause, removed, ...parts] = record.split('\0')
        this.emit('changed', { preventDefault () {}, defaultPrevented: false }, cookie(parts, 0), cause, removed === '1')
      }
    }
  }
}

function cookie (parts, at) {
  const [name, value, domain, path, sameSite, flags, expiry, partition] = parts.slice(at, at + PARTS)
  const made = {
    name,
    value,
    domain,
    hostOnly: flags.includes('h'),
    path,
    secure: flags.includes('s'),
    httpOnly: flags.includes('o'),
    session: expiry === '',
    sameSite
  }
  if (expiry !== '') made.expirationDate = Number(expiry)
  if (partition !== '') made.partitionKey = partition
  return made
}

module.exports = { Cookies, making }
