'use strict'
// Ends requests: by hand, by a signal, by a time limit.

const { net } = require('netreq')

require('./server.js')(async (origin) => {
  await new Promise((resolve) => {
    const request = net.request(origin)
    request.on('abort', () => console.log('aborted'))
    request.on('close', resolve)
    request.end()
    request.abort()
  })
  const control = new AbortController()
  const pending = net.fetch(origin, { signal: control.signal })
  control.abort(new Error('no longer wanted'))
  await pending.catch((error) => console.log(error.message))
  await net.fetch('http://127.0.0.1:81/', { timeout: { connect: 1000 } }).catch((error) => {
    console.log(error.message, error.phase)
  })
})
