'use strict'
// Electron's shape: a request that is written to, and events.

const { net } = require('netreq')

require('./server.js')((origin) => new Promise((resolve, reject) => {
  const request = net.request({ method: 'POST', url: `${origin}/upload` })
  request.setHeader('Content-Type', 'text/plain')
  request.on('response', (response) => {
    console.log(`STATUS: ${response.statusCode}`)
    console.log(`HEADERS: ${JSON.stringify(response.headers)}`)
    response.on('data', (chunk) => console.log(`BODY: ${chunk}`))
    response.on('end', () => console.log('No more data in response.'))
  })
  request.on('error', reject)
  request.on('close', resolve)
  request.write('hello')
  request.end()
}))
