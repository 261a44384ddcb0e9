// Node's http and https servers with the resources that the tests ask for.
// Arguments: the folder, the port in the clear, the port under TLS.
'use strict'

const fs = require('node:fs')
const http = require('node:http')
const https = require('node:https')
const path = require('node:path')
const zlib = require('node:zlib')

const [folder, plain, secure] = process.argv.slice(2)

const codings = {
  gzip: zlib.createGzip,
  deflate: zlib.createDeflate,
  br: zlib.createBrotliCompress
}

function answer (request, response) {
  if (request.url === '/echo') return request.pipe(response)
  if (request.url === '/moved') {
    response.writeHead(301, { Location: '/small.txt' })
    return response.end()
  }
  const file = path.join(folder, 'www', path.basename(request.url))
  if (!fs.existsSync(file)) {
    response.writeHead(404)
    return response.end('There is no such file.\n')
  }
  const { size } = fs.statSync(file)
  const tag = `"${size}"`
  response.setHeader('ETag', tag)
  if (request.headers['if-none-match'] === tag) {
    response.writeHead(304)
    return response.end()
  }
  const [, from, to] = /^bytes=(\d*)-(\d*)$/.exec(request.headers.range) ?? []
  if (from !== undefined) return part(response, file, size, from, to)

  const coding = request.headers['accept-encoding']?.split(', ').find((name) => name in codings)
  if (coding && file.endsWith('.txt') && size > 1000) {
    response.setHeader('Content-Encoding', coding)
    return fs.createReadStream(file).pipe(codings[coding]()).pipe(response)
  }
  // Small ones have a length, large ones come in chunks.
  if (size < 1000) return response.end(fs.readFileSync(file))
  fs.createReadStream(file).pipe(response)
}

function part (response, file, size, from, to) {
  const start = from === '' ? size - Number(to) : Number(from)
  const end = from === '' || to === '' ? size - 1 : Number(to)
  if (start > end) {
    response.writeHead(416, { 'Content-Range': `bytes */${size}` })
    return response.end()
  }
  response.writeHead(206, { 'Content-Range': `bytes ${start}-${end}/${size}` })
  fs.createReadStream(file, { start, end }).pipe(response)
}

http.createServer(answer).listen(Number(plain), '127.0.0.1')
https.createServer({
  cert: fs.readFileSync(path.join(folder, 'chain.pem')),
  key: fs.readFileSync(path.join(folder, 'key.pem'))
}, answer).listen(Number(secure), '127.0.0.1')
