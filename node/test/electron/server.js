'use strict'
// What the programs beside this talk to, in a process of its own; says its port to its parent.

const http = require('node:http')

const server = http.createServer((request, response) => {
  response.setHeader('Set-Cookie', 'a=b')
  response.setHeader('X-Agent', request.headers['user-agent'])
  switch (request.url) {
    case '/echo':
      response.setHeader('Content-Type', 'text/plain')
      return request.pipe(response)
    case '/from':
      return response.writeHead(302, { Location: '/' }).end()
    case '/private':
      return response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="here"' }).end('who is there?')
    case '/slow':
      return
    default:
      return response.end('from the server')
  }
})
server.listen(0, '127.0.0.1', () => process.send(server.address().port))
