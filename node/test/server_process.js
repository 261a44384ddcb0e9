'use strict'
// A server in a process of its own, for tests that wait in one piece; says its port to its parent.

const server = require('node:http').createServer((request, response) => {
  response.setHeader('Set-Cookie', 'a=b')
  response.end('from the server')
})
server.listen(0, '127.0.0.1', () => process.send(server.address().port))
