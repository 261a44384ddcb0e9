'use strict'
// Electron's `net`.

const { ClientRequest } = require('./client_request.js')

function request (options, callback) {
  return new ClientRequest(options, callback)
}

module.exports = { request, ClientRequest }
