// A program as it is written for Electron, save for the import; and what must not be accepted.
import { app, net, session, type ClientRequestConstructorOptions, type Cookie, type IncomingMessage } from '../..'

const options: ClientRequestConstructorOptions = { method: 'POST', protocol: 'https:', hostname: 'example.org', port: 443, path: '/', redirect: 'manual' }
const request = net.request(options)
request.chunkedEncoding = true
request.setHeader('Content-Type', 'application/json')
request.on('response', (response: IncomingMessage) => {
  const code: number = response.statusCode
  console.log(code, response.headers['content-type'], response.rawHeaders.length)
  response.on('data', (chunk) => console.log(chunk))
  response.on('error', (error: Error) => console.error(error))
})
request.on('redirect', (statusCode, method, redirectUrl, responseHeaders) => {
  const location: string | undefined = responseHeaders.location?.[0]
  console.log(statusCode.toFixed(), method.toLowerCase(), redirectUrl, location)
  request.followRedirect()
})
request.on('error', (error) => console.error(error.message))
request.write('data', 'utf8', () => {})
request.end()
request.abort()
const { active, current }: { active: boolean, current: number } = request.getUploadProgress()
console.log(active, current, app.getPath('userData'))

async function main (): Promise<void> {
  const work = session.fromPartition('persist:work')
  const cookies: Cookie[] = await work.cookies.get({ url: 'https://example.org' })
  await work.cookies.set({ url: 'https://example.org', name: 'a', value: 'b', sameSite: 'lax' })
  work.cookies.on('changed', (event, cookie, cause, removed) => console.log(event, cookie.name, cause, removed))
  const response: Response = await session.defaultSession.fetch('https://example.org', { method: 'POST', body: 'x' })
  console.log(cookies.length, await response.text(), net.online, net.isOnline())
}
main()

// @ts-expect-error: no such mode
net.request({ url: 'https://example.org', redirect: 'never' })
// @ts-expect-error: sessions come from partitions
new session.Session()
// @ts-expect-error: whom is it for
session.defaultSession.cookies.set({ name: 'a' })
