'use strict'
// What the tests share: servers that end with their test, and ways to wait for what they mean.

const http = require('node:http')
const { once } = require('node:events')
const { net } = require('..')

/** A server on a port of its own; `handler` as for node:http. Gives its origin with a slash. */
async function serve (t, handler) {
  return listen(t, http.createServer(handler))
}

async function listen (t, server, scheme = 'http') {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections?.()
  })
  return `${scheme}://127.0.0.1:${server.address().port}/`
}

/** Sends `request` and gives its response, or fails with its error. */
function respond (request, body) {
  return new Promise((resolve, reject) => {
    request.on('response', resolve)
    request.on('error', reject)
    request.end(body)
  })
}

async function text (response) {
  response.setEncoding('utf8')
  let all = ''
  for await (const part of response) all += part
  return all
}

/** A request for `options`, answered: its response with `body`. */
async function fetched (options, body) {
  const response = await respond(net.request(options), body)
  response.body = await text(response)
  return response
}

/** The whole body of a message of node:http. */
async function received (message) {
  const parts = []
  for await (const part of message) parts.push(part)
  return Buffer.concat(parts)
}

/** Writes down the named events of `emitter` in `list`, as they come. */
function note (list, emitter, names, prefix = '') {
  for (const name of names) emitter.on(name, () => list.push(prefix + name))
}

/** Waits for an event, whatever else comes. */
function happens (emitter, name) {
  return new Promise((resolve) => emitter.once(name, resolve))
}

module.exports = { serve, listen, respond, text, fetched, received, note, once, happens }
