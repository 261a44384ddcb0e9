// What netreq adds to Electron's declarations, and what must not be accepted.
import { net, session, type IncomingMessage, type NetError } from 'netreq'
import netreq = require('netreq')

const request = new net.ClientRequest({ url: 'https://example.org', timeout: { connect: 1000 }, signal: AbortSignal.timeout(5000) })
request.setHeader('X-Count', 3)
console.log(request.getHeaders(), request.getHeaderNames(), request.hasHeader('x-count'))
request.on('redirect', (statusCode, method, redirectUrl) => request.followRedirect({ 'X-From': [String(statusCode), method, redirectUrl] }))
request.once('error', (error) => console.log((error as NetError).code, (error as NetError).phase))
request.on('response', async (response) => {
  const whole: IncomingMessage = response
  if (whole.aborted) return
  whole.on('download-progress', (bytes) => console.log(bytes.toFixed()))
  for await (const chunk of whole.resume()) console.log(chunk)
  const { start, end } = whole.timing.wait ?? { start: 0, end: 0 }
  console.log(whole.url, whole.trailers['x-sum'], end - start)
})
// Electron's types under the name of their namespace, where Electron's own are not there.
const filter: Electron.CookiesGetFilter = { domain: 'example.org' }
const found: Promise<Electron.Cookie[]> = netreq.session.defaultSession.cookies.get(filter)
void found

// @ts-expect-error: no such mode
net.request({ url: 'https://example.org', redirect: 'never' })
// @ts-expect-error: sessions come from partitions
new session.Session()
// @ts-expect-error: whom is it for
session.defaultSession.cookies.set({ name: 'a' })
// @ts-expect-error: not there yet
session.defaultSession.setProxy({})
