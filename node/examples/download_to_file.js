'use strict'
// A body of any length into a file: as it comes, and no faster than the disk takes it.

const { net } = require('netreq')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { pipeline } = require('node:stream/promises')

require('./server.js')(async (origin) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'netreq-example-'))
  const file = path.join(folder, 'download')
  const response = await new Promise((resolve, reject) => {
    net.request(`${origin}/large`).on('response', resolve).on('error', reject).end()
  })
  await pipeline(response, fs.createWriteStream(file))
  console.log(fs.statSync(file).size, 'bytes in the file')
  fs.rmSync(folder, { recursive: true })
})
