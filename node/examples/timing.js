'use strict'
// Where the time went.

const { net } = require('netreq')

require('./server.js')((origin) => new Promise((resolve, reject) => {
  const request = net.request(origin)
  request.on('response', (response) => {
    response.resume()
    response.on('end', () => {
      for (const [phase, span] of Object.entries(response.timing)) {
        if (span) console.log(`${phase}: ${(span.end - span.start).toFixed(2)} ms`)
      }
      console.log(response.remoteAddress, response.protocol)
    })
  })
  request.on('error', reject)
  request.on('close', resolve)
  request.end()
}))
