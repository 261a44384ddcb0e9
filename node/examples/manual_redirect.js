'use strict'
// Decides on a redirect, and sends other fields along.

const { net } = require('netreq')

require('./server.js')((origin) => new Promise((resolve, reject) => {
  const request = net.request({ url: `${origin}/from`, redirect: 'manual', headers: { 'X-Key': 'secret' } })
  request.on('redirect', (status, method, url) => {
    console.log(status, method, url)
    if (new URL(url).origin === origin) request.followRedirect()
    else request.followRedirect({})
  })
  request.on('response', (response) => {
    console.log(response.statusCode, response.url)
    response.resume()
  })
  request.on('error', reject)
  request.on('close', resolve)
  request.end()
}))
