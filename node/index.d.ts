// Types of the package: what Electron's declarations say of `net` and `session`, and our additions.
// Names are Electron's, so that a program typed against them changes its import alone. Where Electron's own
// declarations are not there, `Electron.Cookie` and its like mean these.

/// <reference types="node" />

import { EventEmitter } from 'node:events'
import { Readable, Writable } from 'node:stream'

export as namespace Electron

/** `on` and its kin: events that are known, with what they tell, and any other. */
interface Listen<Self, Events extends Record<keyof Events, unknown[]>> {
  <E extends keyof Events> (event: E, listener: (...args: Events[E]) => void): Self
  (event: string | symbol, listener: (...args: any[]) => void): Self
}

/** What Electron hands to listeners beside what happened. There is nothing here to prevent. */
type ElectronEvent<Parameters extends object = {}> = Parameters & {
  preventDefault (): void
  readonly defaultPrevented: boolean
}

/**
 * A time limit of a request, in milliseconds; 0 is over at once. A number limits the whole. While the
 * procedure of a session has not answered about a certificate, `total` alone runs.
 */
export type Timeout = number | {
  /** Resolving the name and connecting. Default 240,000. */
  connect?: number
  /** The TLS handshake. Default 30,000. */
  tls?: number
  /** From the end of the request to the head of the response. Default none. */
  firstByte?: number
  /** The longest silence in a body. Default none. */
  idle?: number
  /** Everything, redirects and body included. Default none. */
  total?: number
}

export interface ClientRequestConstructorOptions {
  /** Default GET; goes out in upper case. */
  method?: string
  /** Absolute, http or https. */
  url?: string
  /** The same. */
  href?: string
  /** Default: the default session. Beats `partition`. */
  session?: Session
  /** The session by its name; `persist:…` is kept on disk. Default `''`, the default session. */
  partition?: string
  /** Default: no cookies, but logins. */
  credentials?: 'include' | 'omit' | 'same-origin'
  /** Whether cookies are sent and kept where `credentials` says nothing. Default false. */
  useSessionCookies?: boolean
  /** Default `http:`. */
  protocol?: 'http:' | 'https:' | string
  /** Host and port; beats `hostname` and `port`. */
  host?: string
  /** Default localhost. */
  hostname?: string
  port?: number | string
  /** Default `/`. */
  path?: string
  /** Default `follow`. */
  redirect?: 'follow' | 'error' | 'manual'
  /** The origin that the request is made for. */
  origin?: string
  referrerPolicy?: '' | 'no-referrer' | 'no-referrer-when-downgrade' | 'origin' | 'origin-when-cross-origin' |
    'unsafe-url' | 'same-origin' | 'strict-origin' | 'strict-origin-when-cross-origin'
  cache?: 'default' | 'no-store' | 'reload' | 'no-cache' | 'force-cache' | 'only-if-cached'
  /** Default idle. */
  priority?: 'throttled' | 'idle' | 'lowest' | 'low' | 'medium' | 'highest'
  /** Says nothing over HTTP/1.1, which is all there is yet. */
  priorityIncremental?: boolean
  /** There are no protocol handlers yet to bypass. */
  bypassCustomProtocolHandlers?: boolean
  headers?: Record<string, string | string[]>
  /** Not in Electron: time limits. */
  timeout?: Timeout
  /** Not in Electron: ends the request with its reason. */
  signal?: AbortSignal
  /** Not in Electron: an array as a header value goes out as a line each, not joined by commas. */
  separateHeaders?: boolean
  /**
   * Not in Electron: what its code does and its documentation does not say. `close` comes behind `finish`,
   * `abort` also behind `close`, never `aborted`; errors have a message alone.
   */
  compat?: 'electron'
}

export interface UploadProgress {
  active: boolean
  started: boolean
  current: number
  total: number
}

/** The error of a request: Electron's message, and what it does not say. */
export interface NetError extends Error {
  /** Chromium's name: `ERR_CONNECTION_REFUSED`. */
  code: string
  /** Chromium's number: -102. */
  errno: number
  /** What the request was doing. */
  phase?: 'resolve' | 'connect' | 'proxy' | 'tls' | 'send' | 'wait' | 'receive'
  /** Of the hop that failed, without user and password. */
  url?: string
  isTimeout?: boolean
  cause?: Error
}

interface ClientRequestEvents {
  response: [response: IncomingMessage]
  redirect: [statusCode: number, method: string, redirectUrl: string, responseHeaders: Record<string, string[]>]
  'upload-progress': [position: number, total: number]
  finish: []
  abort: []
  error: [error: Error]
  close: []
}

declare class ClientRequest extends Writable {
  constructor (options: ClientRequestConstructorOptions | string | URL, callback?: (response: IncomingMessage) => void)

  /** Whether the body goes out as it is written. Set once, before the first write. */
  chunkedEncoding: boolean

  /** Ends the request: `abort` on the next tick, then `close`. */
  abort (): void
  /** Goes on with a redirect, inside its event. Not in Electron: with other header fields. */
  followRedirect (headers?: Record<string, string | string[]>): void
  getHeader (name: string): string
  /** Not in Electron, as the next two: as node:http has them. */
  getHeaders (): Record<string, any>
  getHeaderNames (): string[]
  hasHeader (name: string): boolean
  getUploadProgress (): UploadProgress
  removeHeader (name: string): void
  setHeader (name: string, value: string | number | readonly string[]): void
  write (chunk: string | Uint8Array, callback?: (error?: Error | null) => void): boolean
  write (chunk: string | Uint8Array, encoding?: string, callback?: (error?: Error | null) => void): boolean
  end (callback?: () => void): this
  end (chunk: string | Uint8Array, callback?: () => void): this
  end (chunk?: string | Uint8Array, encoding?: string, callback?: () => void): this

  on<E extends keyof ClientRequestEvents> (event: E, listener: (...args: ClientRequestEvents[E]) => void): this
  on (event: string, listener: (...args: any[]) => void): this
  once<E extends keyof ClientRequestEvents> (event: E, listener: (...args: ClientRequestEvents[E]) => void): this
  once (event: string, listener: (...args: any[]) => void): this
  addListener<E extends keyof ClientRequestEvents> (event: E, listener: (...args: ClientRequestEvents[E]) => void): this
  addListener (event: string, listener: (...args: any[]) => void): this
  removeListener<E extends keyof ClientRequestEvents> (event: E, listener: (...args: ClientRequestEvents[E]) => void): this
  removeListener (event: string, listener: (...args: any[]) => void): this
  off<E extends keyof ClientRequestEvents> (event: E, listener: (...args: ClientRequestEvents[E]) => void): this
  off (event: string, listener: (...args: any[]) => void): this
}

/** Begin and end in milliseconds from the start of the last hop. */
export interface Span {
  start: number
  end: number
}

export interface Timing {
  resolve: Span | null
  connect: Span | null
  tls: Span | null
  send: Span | null
  wait: Span | null
  /** Null until the body has been read. */
  receive: Span | null
}

interface IncomingMessageEvents {
  /** The body breaks off: by `abort`, or before an error. */
  aborted: []
  /** Not in Electron's documentation: bytes of the body so far. */
  'download-progress': [bytes: number]
  data: [chunk: Buffer]
  end: []
  error: [error: Error]
  close: []
}

export interface IncomingMessage extends Readable {
  readonly statusCode: number
  readonly statusMessage: string
  /** Whether the body broke off. */
  readonly aborted: boolean
  readonly httpVersion: string
  readonly httpVersionMajor: number
  readonly httpVersionMinor: number
  /** Names in lower case; repeats joined, `set-cookie` always an array. */
  readonly headers: Record<string, string | string[]>
  /** As received, names and values in turn. */
  readonly rawHeaders: string[]
  /** Not in Electron, from here on. Trailers are there once the body ended. */
  readonly trailers: Record<string, string | string[]>
  readonly rawTrailers: string[]
  /** After all redirects. */
  readonly url: string
  readonly redirected: boolean
  readonly protocol: string
  readonly remoteAddress: string | undefined
  readonly remotePort: number | undefined
  readonly connectionReused: boolean
  readonly timing: Timing

  on: Listen<this, IncomingMessageEvents>
  once: Listen<this, IncomingMessageEvents>
  addListener: Listen<this, IncomingMessageEvents>
  removeListener: Listen<this, IncomingMessageEvents>
  off: Listen<this, IncomingMessageEvents>
}

export interface Cookie {
  name: string
  value: string
  domain?: string
  hostOnly?: boolean
  path?: string
  secure?: boolean
  httpOnly?: boolean
  session?: boolean
  /** Seconds since 1970; none for a cookie that ends with the session. */
  expirationDate?: number
  sameSite: 'unspecified' | 'no_restriction' | 'lax' | 'strict'
  /** Not in Electron: the site of a partitioned cookie, and on those alone. */
  partitionKey?: string
}

export interface CookiesGetFilter {
  url?: string
  name?: string
  domain?: string
  path?: string
  secure?: boolean
  session?: boolean
  httpOnly?: boolean
}

export interface CookiesSetDetails {
  url: string
  name?: string
  value?: string
  domain?: string
  path?: string
  secure?: boolean
  httpOnly?: boolean
  expirationDate?: number
  /** Not in Electron, nor the next: seconds since 1970, default now. */
  creationDate?: number
  lastAccessDate?: number
  /** Default lax. */
  sameSite?: 'unspecified' | 'no_restriction' | 'lax' | 'strict'
}

export type CookieChangeCause = 'inserted' | 'inserted-no-change-overwrite' |
  'inserted-no-value-change-overwrite' | 'explicit' | 'overwrite' | 'expired' | 'evicted' | 'expired-overwrite'

interface CookiesEvents {
  changed: [event: ElectronEvent, cookie: Cookie, cause: CookieChangeCause, removed: boolean]
}

export interface Cookies extends EventEmitter {
  get (filter: CookiesGetFilter): Promise<Cookie[]>
  set (details: CookiesSetDetails): Promise<void>
  remove (url: string, name: string): Promise<void>
  /** Resolves when every change is on disk. */
  flushStore (): Promise<void>

  on: Listen<this, CookiesEvents>
  once: Listen<this, CookiesEvents>
  addListener: Listen<this, CookiesEvents>
  removeListener: Listen<this, CookiesEvents>
  off: Listen<this, CookiesEvents>
}

export interface ClearDataOptions {
  dataTypes?: Array<'backgroundFetch' | 'cache' | 'cookies' | 'downloads' | 'fileSystems' | 'indexedDB' |
    'localStorage' | 'serviceWorkers' | 'webSQL'>
  origins?: string[]
  excludeOrigins?: string[]
  avoidClosingConnections?: boolean
}

export interface ClearStorageDataOptions {
  origin?: string
  storages?: string[]
  quotas?: string[]
}

export interface PreconnectOptions {
  url: string
  /** 1 to 6, default 1. */
  numSockets?: number
}

export interface FromPartitionOptions {
  /** There is no cache yet to switch off. */
  cache?: boolean
}

export type FromPathOptions = FromPartitionOptions

declare class Session extends EventEmitter {
  private constructor ()

  static fromPartition (partition: string, options?: FromPartitionOptions): Session
  static fromPath (path: string, options?: FromPathOptions): Session
  static readonly defaultSession: Session

  readonly cookies: Cookies
  /** The folder in which it is kept; null in memory. */
  readonly storagePath: string | null
  getStoragePath (): string | null
  isPersistent (): boolean
  fetch (input: string | URL | Request, init?: FetchInit): Promise<Response>
  getUserAgent (): string
  /** `acceptLanguages` in order of preference: `en-US,fr,de`. */
  setUserAgent (userAgent: string, acceptLanguages?: string): void
  preconnect (options: PreconnectOptions): void
  closeAllConnections (): Promise<void>
  clearHostResolverCache (): Promise<void>
  clearStorageData (options?: ClearStorageDataOptions): Promise<void>
  clearData (options?: ClearDataOptions): Promise<void>
  flushStorageData (): void
  resolveHost (host: string, options?: ResolveHostOptions): Promise<ResolvedHost>
  setCertificateVerifyProc (procedure: ((request: CertificateRequest, callback: (verificationResult: number) => void) => void) | null): void
  setSSLConfig (config: SSLConfigConfig): void
  /** There is no code to be cached: an absolute path is taken and of no use. */
  setCodeCachePath (path: string): void
  /** No dictionary for compression is ever kept. */
  getSharedDictionaryInfo (options: { frameOrigin: string, topFrameSite: string }): Promise<never[]>
  getSharedDictionaryUsageInfo (): Promise<never[]>
  clearSharedDictionaryCache (): Promise<void>
  clearSharedDictionaryCacheForIsolationKey (options: { frameOrigin: string, topFrameSite: string }): Promise<void>
}

export interface ResolveHostOptions {
  /** Default both. */
  queryType?: 'A' | 'AAAA'
  /** Whom to ask; default whoever is configured. `mdns` is not there yet; `localOnly` asks nobody. */
  source?: 'any' | 'system' | 'dns' | 'mdns' | 'localOnly'
  /** Whether what is known will do. Default `allowed`. */
  cacheUsage?: 'allowed' | 'staleAllowed' | 'disallowed'
  /** Whether DNS over HTTPS may be asked. Default `allow`. */
  secureDnsPolicy?: 'allow' | 'disable'
}

export interface ResolvedEndpoint {
  address: string
  family: 'ipv4' | 'ipv6' | 'unspec'
}

export interface ResolvedHost {
  endpoints: ResolvedEndpoint[]
}

export interface SSLConfigConfig {
  /** Default `tls1.2`. */
  minVersion?: 'tls1.2' | 'tls1.3'
  maxVersion?: 'tls1.2' | 'tls1.3'
  disabledCipherSuites?: number[]
}

/** What `setCertificateVerifyProc` is asked: answer 0 accepts, -2 refuses, -3 keeps the verdict. */
export interface CertificateRequest {
  hostname: string
  certificate: Certificate
  validatedCertificate: Certificate
  isIssuedByKnownRoot: boolean
  /** `net::OK` or what is wrong. */
  verificationResult: string
  errorCode: number
}

export interface CertificatePrincipal {
  commonName: string
  organizations: string[]
  organizationUnits: string[]
  locality: string
  state: string
  country: string
}

export interface Certificate {
  /** PEM. */
  data: string
  issuer: CertificatePrincipal
  issuerName: string
  /** The next one that the server sent. */
  issuerCert: Certificate
  subject: CertificatePrincipal
  subjectName: string
  serialNumber: string
  /** Seconds since 1970. */
  validStart: number
  validExpiry: number
  /** `sha256/` and base64. */
  fingerprint: string
}

export type FetchInit = RequestInit & {
  /** Of a streamed body; need not be said. */
  duplex?: 'half'
  bypassCustomProtocolHandlers?: boolean
  /** Not in Electron: time limits. */
  timeout?: Timeout
}

interface CommandLine {
  /** Switches of the network count for sessions that are first used later. */
  appendSwitch (name: string, value?: string): void
  getSwitchValue (name: string): string
  hasSwitch (name: string): boolean
  /** There is nobody to pass it on to. */
  appendArgument (value: string): void
  removeSwitch (name: string): void
}

interface AppEvents {
  ready: []
  'session-created': [session: Session]
  /**
   * A server asks who the client is, and there is something to show. `webContents` is null. The first of
   * the list is shown unless the event is prevented; then `callback` says which, or none.
   */
  'select-client-certificate': [
    event: ElectronEvent, webContents: any, url: string, certificateList: Certificate[],
    callback: (certificate?: Certificate) => void
  ]
}

export interface ImportCertificateOptions {
  /** The path of a PKCS #12 file. Not in Electron: or of a PEM file with certificate and key. */
  certificate: string
  password: string
}

export interface ConfigureHostResolverOptions {
  /** Changes nothing: the system resolves what DNS over HTTPS does not. */
  enableBuiltInResolver?: boolean
  /** Whether the next address of a host is dialled beside one that takes its time. Default true. */
  enableHappyEyeballs?: boolean
  /** Whether DNS over HTTPS is asked first, or alone. Default `off`. */
  secureDnsMode?: 'off' | 'automatic' | 'secure'
  /** Who is asked, one after the other: URI templates, `https://dns.example/dns-query{?dns}`. */
  secureDnsServers?: string[]
  /** Changes nothing. */
  enableAdditionalDnsQueryTypes?: boolean
}

interface App extends EventEmitter {
  readonly commandLine: CommandLine
  /** The `User-Agent` of sessions that have been given none. */
  userAgentFallback: string
  getPath (name: 'userData'): string
  setPath (name: 'userData', path: string): void
  /** Everything is ready at once. */
  isReady (): boolean
  whenReady (): Promise<void>
  quit (): void
  exit (code?: number): void
  /** Adds a certificate that servers which ask may be shown. `callback` is told 0 for success. */
  importCertificate (options: ImportCertificateOptions, callback: (result: number) => void): void
  /** How names are resolved from now on, in all sessions of the process. What is not said is as at the start. */
  configureHostResolver (options: ConfigureHostResolverOptions): void

  on: Listen<this, AppEvents>
  once: Listen<this, AppEvents>
  addListener: Listen<this, AppEvents>
  removeListener: Listen<this, AppEvents>
  off: Listen<this, AppEvents>
}

interface Net {
  request (options: ClientRequestConstructorOptions | string | URL, callback?: (response: IncomingMessage) => void): ClientRequest
  fetch (input: string | URL | Request, init?: FetchInit): Promise<Response>
  resolveHost (host: string, options?: ResolveHostOptions): Promise<ResolvedHost>
  isOnline (): boolean
  readonly online: boolean
  readonly ClientRequest: typeof ClientRequest
}

export const app: App
export const net: Net
export const session: typeof Session & { readonly Session: typeof Session }
export type { ClientRequest, Session, Net, App, CommandLine }
// Under Electron's names, two of which are those of other things in this file.
export type { ElectronEvent as Event, CertificateRequest as Request, SSLConfigConfig as Config }
