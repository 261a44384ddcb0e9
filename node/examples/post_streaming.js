'use strict'
// Sends a body as it comes into being, and looks at how far it has come.

const { Readable } = require('node:stream')
const { pipeline } = require('node:stream/promises')
const { text } = require('node:stream/consumers')
const { once } = require('node:events')
const { net } = require('netreq')

require('./server.js')(async (origin) => {
  const request = net.request({ method: 'POST', url: `${origin}/stream` })
  request.chunkedEncoding = true
  request.on('upload-progress', (position) => console.log(`${position} bytes sent`))
  const answer = once(request, 'response')
  await pipeline(Readable.from(['one, ', 'two, ', 'three']), request)
  const [response] = await answer
  console.log(await text(response))
})
