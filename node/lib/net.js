'use strict'
// Electron's `net`.

const os = require('node:os')
const { ClientRequest } = require('./client_request.js')
const { fetch } = require('./fetch.js')
const { defaultSession } = require('./session.js')

function request (options, callback) {
  return new ClientRequest(options, callback)
}

/** Whether there is a network at all: an interface that leads off this machine has an address. */
function isOnline () {
  return Object.values(os.networkInterfaces()).some((addresses) =>
    addresses.some(({ internal }) => !internal))
}

async function resolveHost (host, options) {
  return defaultSession().resolveHost(host, options)
}

module.exports = {
  request,
  ClientRequest,
  fetch: (input, init) => fetch(input, init),
  isOnline,
  resolveHost,
  get online () {
    return isOnline()
  }
}
