'use strict'
// Errors of the engine as JavaScript's.

/**
 * The error of a record: its message as Electron has it, and beside it `code` (`ERR_…`), `errno`
 * (Chromium's number), `phase`, `url` and `cause`.
 */
function fromRecord (text, number, isTimeout) {
  const [message, code, phase, url, ...causes] = text.split('\0')
  const Kind = message === 'Invalid URL' || message.startsWith('sec-fetch-dest of ') ? TypeError : Error
  const error = new Kind(message)
  if (code) {
    error.code = code
    error.errno = number
  }
  if (phase) error.phase = phase
  if (url) error.url = url
  if (isTimeout) error.isTimeout = true
  causes.pop()
  let cause
  for (const words of causes.reverse()) cause = new Error(words, cause && { cause })
  if (cause) hidden(error, 'cause', cause)
  return error
}

/** An error by Chromium's name and number. */
function named (code, errno) {
  return Object.assign(new Error(`net::${code}`), { code, errno })
}

/** What netreq does not have yet. */
function notImplemented (what) {
  const error = named('ERR_NOT_IMPLEMENTED', -11)
  hidden(error, 'cause', new Error(`netreq has no ${what} yet`))
  return error
}

function hidden (object, name, value) {
  Object.defineProperty(object, name, { value, writable: true, configurable: true, enumerable: false })
}

module.exports = { fromRecord, named, notImplemented }
