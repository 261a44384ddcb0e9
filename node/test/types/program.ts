// A program as it is written for Electron: it compiles with Electron's declarations, and with ours when the
// module that it imports from is changed, and nothing else.
import { app, net, session } from 'electron'
import type {
  Certificate, ClientRequest, ClientRequestConstructorOptions, Config, Cookie, Cookies, CookiesGetFilter, CookiesSetDetails,
  IncomingMessage, PreconnectOptions, Request as CertificateRequest, ResolvedHost, Session, UploadProgress
} from 'electron'

app.commandLine.appendSwitch('host-rules', 'MAP * 127.0.0.1')
app.on('session-created', (created) => created.setUserAgent('program/1.0', 'en-US,fr'))
app.whenReady().then(main, fail)

function fail (error: Error): void {
  console.error(error.message)
  app.exit(1)
}

async function main (): Promise<void> {
  const work: Session = session.fromPartition('persist:work', { cache: false })
  const folder: string | null = work.storagePath ?? work.getStoragePath()
  console.log(folder, app.getPath('userData'), work.isPersistent(), net.online, net.isOnline())

  work.setCertificateVerifyProc((request, callback) => callback(verdict(request)))
  work.setCertificateVerifyProc(null)
  const config: Config = { minVersion: 'tls1.2', maxVersion: 'tls1.3', disabledCipherSuites: [0x009c] }
  work.setSSLConfig(config)
  const warm: PreconnectOptions = { url: 'https://example.org', numSockets: 2 }
  work.preconnect(warm)
  const host: ResolvedHost = await work.resolveHost('example.org', { queryType: 'AAAA' })
  for (const { address, family } of host.endpoints) console.log(address.toUpperCase(), family === 'ipv6')

  await keep(work.cookies)
  console.log(await send(work))
  console.log(await fetched(work))
  await work.clearStorageData({ origin: 'https://example.org', storages: ['cookies'] })
  await work.clearData({ dataTypes: ['cookies', 'cache'], excludeOrigins: ['https://example.com'] })
  await work.clearHostResolverCache()
  await work.closeAllConnections()
  work.flushStorageData()
  app.quit()
}

function verdict ({ hostname, certificate, verificationResult, errorCode, isIssuedByKnownRoot }: CertificateRequest): number {
  const chain: string[] = []
  for (let at: Certificate | undefined = certificate; at; at = at.issuerCert) chain.push(at.subject.commonName, at.fingerprint)
  console.log(hostname, errorCode.toFixed(), isIssuedByKnownRoot, chain.join())
  return verificationResult === 'net::OK' ? -3 : -2
}

async function keep (cookies: Cookies): Promise<void> {
  const details: CookiesSetDetails = { url: 'https://example.org', name: 'a', value: 'b', sameSite: 'lax', expirationDate: Date.now() / 1000 + 60 }
  cookies.on('changed', (event, cookie, cause, removed) => {
    event.preventDefault()
    if (cause === 'explicit' && !removed) console.log(cookie.name.length, event.defaultPrevented)
  })
  await cookies.set(details)
  const filter: CookiesGetFilter = { url: 'https://example.org' }
  const found: Cookie[] = await cookies.get(filter)
  for (const { name, value, domain, sameSite, expirationDate } of found) {
    console.log(name, value, domain?.startsWith('.'), sameSite === 'no_restriction', expirationDate?.toFixed())
  }
  await cookies.remove('https://example.org', 'a')
  await cookies.flushStore()
}

function send (work: Session): Promise<string> {
  return new Promise((resolve, reject) => {
    const options: ClientRequestConstructorOptions = {
      method: 'POST', protocol: 'https:', hostname: 'example.org', port: 443, path: '/upload', redirect: 'manual', session: work,
      useSessionCookies: true, credentials: 'include', cache: 'no-store', priority: 'highest', origin: 'https://example.org',
      referrerPolicy: 'no-referrer', bypassCustomProtocolHandlers: true, headers: { 'X-Trace': ['1', '2'], Accept: 'text/plain' }
    }
    const request: ClientRequest = net.request(options)
    request.chunkedEncoding = true
    request.setHeader('Content-Type', 'application/json')
    console.log(request.getHeader('Content-Type'))
    request.removeHeader('Content-Type')
    request.on('response', (response) => read(response).then(resolve, reject))
    request.on('redirect', (statusCode, method, redirectUrl, responseHeaders) => {
      console.log(statusCode.toFixed(), method.toLowerCase(), redirectUrl, responseHeaders['location']?.[0])
      request.followRedirect()
    })
    request.on('login', (authInfo, callback) => callback('user', authInfo.isProxy ? 'a' : 'b'))
    request.once('finish', () => console.log('sent'))
    request.on('abort', () => console.log('aborted'))
    request.on('error', (error) => reject(new Error(error.message)))
    request.on('close', () => console.log('done'))
    request.write('{"a":', 'utf8', () => {})
    request.write(Buffer.from('1'))
    request.end('}', 'utf8', () => {
      const progress: UploadProgress = request.getUploadProgress()
      console.log(progress.active, progress.current / progress.total)
    })
  })
}

function read (response: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const type: string | string[] | undefined = response.headers['content-type']
    console.log(response.statusCode.toFixed(), response.statusMessage, response.httpVersionMajor, type, response.rawHeaders.length)
    response.on('data', (chunk) => chunks.push(chunk))
    response.on('end', () => resolve(Buffer.concat(chunks).toString()))
    response.on('aborted', () => reject(new Error('aborted')))
    response.on('error', (error: Error) => reject(error))
  })
}

async function fetched (work: Session): Promise<string> {
  const response: Response = await net.fetch('https://example.org', { method: 'POST', body: 'x', bypassCustomProtocolHandlers: true })
  const again = await work.fetch(new Request('https://example.org'))
  const simple = net.request('https://example.org')
  simple.abort()
  return again.ok ? response.text() : session.defaultSession.getUserAgent()
}
