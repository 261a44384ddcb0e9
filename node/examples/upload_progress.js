'use strict'
// How far an upload has come: by event, and when asked.

const { net } = require('netreq')

require('./server.js')(async (origin) => {
  const request = net.request({ method: 'POST', url: `${origin}/upload` })
  request.on('upload-progress', (position, total) => console.log(`${position} of ${total} bytes`))
  await new Promise((resolve, reject) => {
    request.on('response', (response) => response.on('end', resolve).resume())
    request.on('error', reject)
    request.end(Buffer.alloc(4 * 1024 * 1024))
  })
  const { current, total } = request.getUploadProgress()
  console.log('done:', current === total)
})
