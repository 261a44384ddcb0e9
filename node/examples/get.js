'use strict'
// The everyday shape: fetch, with the engine's sessions beneath it.

const { net } = require('netreq')

require('./server.js')(async (origin) => {
  const response = await net.fetch(`${origin}/hello`)
  console.log(response.status, await response.text())
})
