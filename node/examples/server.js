'use strict'
// A server of its own for each example, so that none needs a network.

const http = require('node:http')

/** Answers with what came; `/from` redirects to `/to`, `/large` is a MiB. Calls `use` with its origin, and ends with it. */
module.exports = function withServer (use) {
  const server = http.createServer((request, response) => {
    if (request.url === '/from') return response.writeHead(302, { Location: '/to' }).end()
    if (request.url === '/large') return response.end(Buffer.alloc(1024 * 1024))
    response.setHeader('Set-Cookie', 'visited=yes; Max-Age=3600')
    response.write(`${request.method} ${request.url}\n`)
    request.pipe(response)
  })
  server.listen(0, '127.0.0.1', async () => {
    try {
      await use(`http://127.0.0.1:${server.address().port}`)
    } finally {
      server.close()
      server.closeAllConnections()
    }
  })
}
