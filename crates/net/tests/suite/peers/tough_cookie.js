// What tough-cookie makes of Set-Cookie lines. Argument: the folder of its package.
//
// A line of the input is a request, its parts set apart by tabs: the URL, the SameSite context, then
// the Set-Cookie lines of the answer in hexadecimal. For each, a line of the output has the Cookie
// field of the request in hexadecimal, or `-`.
'use strict'

const fs = require('node:fs')
const { CookieJar } = require(process.argv[2])

const text = (hex) => Buffer.from(hex, 'hex').toString('latin1')
const hex = (text) => Buffer.from(text, 'latin1').toString('hex')

// As near to a browser as its options go.
const jar = new CookieJar(undefined, { looseMode: true, prefixSecurity: 'strict' })
const output = []
for (const request of fs.readFileSync(0, 'latin1').split('\n').slice(0, -1)) {
  const [url, sameSiteContext, ...lines] = request.split('\t')
  output.push(hex(jar.getCookieStringSync(url, { sameSiteContext })) || '-')
  for (const line of lines) {
    try {
      jar.setCookieSync(text(line), url, { sameSiteContext })
    } catch {
      // Refused: what counts is what is sent later.
    }
  }
}
process.stdout.write(output.map((line) => line + '\n').join(''))
