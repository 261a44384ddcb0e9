'use strict'
const test = require('node:test')
const assert = require('node:assert')
const fs = require('node:fs')
const path = require('node:path')
const ts = require('typescript')
const { comparison, COMPARED } = require('./types/comparison.js')

const types = path.join(__dirname, 'types')
const electron = path.join(process.env.NETREQ_ELECTRON ?? '', 'electron.d.ts')

// What of Electron's declarations is not in ours. `Session.setProxy` is a member, `Session#will-download` an event.
const BROWSER = [
  // `app` is far more than networking hangs on; this is what is left.
  /^App\.(?!commandLine$|configureHostResolver$|exit$|importCertificate$|userAgentFallback$|isReady$|on$|off$|once$|addListener$|removeListener$|quit$|whenReady$)/,
  /^App#(?!session-created$)/,
  /^Session.*(Extension|extension|Preload|SpellCheck|spell[Cc]heck|Permission|Device|device|serial|hid|usb|USB|webauthn|Bluetooth|DisplayMedia|LocalAI|CodeCache|SharedDictionary)/,
  /^Session\.(getBlobData|serviceWorkers)$/,
  /^Session#(preconnect|file-system-access-restricted)$/
]
// Not there, or less than Electron's: the table of docs/differences.md names each.
const NOT_YET = [
  'App.getPath', 'App.resolveProxy', 'App.setPath', 'App.setProxy',
  'App#login', 'App#ready', 'App#select-client-certificate',
  'ClearDataOptions.originMatchingMode', 'ClientRequest#login', 'Net.WebSocket',
  'Session.allowNTLMCredentialsForDomains', 'Session.clearAuthCache', 'Session.clearCache', 'Session.createInterruptedDownload',
  'Session.disableNetworkEmulation', 'Session.downloadURL', 'Session.enableNetworkEmulation', 'Session.forceReloadProxyConfig',
  'Session.getCacheSize', 'Session.netLog', 'Session.protocol', 'Session.resolveProxy', 'Session.setDownloadPath', 'Session.setProxy',
  'Session.webRequest', 'Session#will-download'
]

function isLeftOut (name) {
  return NOT_YET.includes(name) || BROWSER.some((pattern) => pattern.test(name))
}

const known = new Map()

/** What the compiler has to say of the first of `files`; texts that are no files come with their names. */
function complaints (files, texts = {}) {
  const options = {
    strict: true, noEmit: true, target: ts.ScriptTarget.ES2022, lib: ['lib.es2022.d.ts'], module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext, types: ['node'], typeRoots: [path.join(__dirname, '..', 'node_modules', '@types')]
  }
  const host = ts.createCompilerHost(options)
  const { fileExists, readFile, getSourceFile } = host
  host.fileExists = (name) => name in texts || fileExists(name)
  host.readFile = (name) => texts[name] ?? readFile(name)
  // The libraries are the same for every program.
  host.getSourceFile = (name, ...how) => {
    if (name in texts) return ts.createSourceFile(name, texts[name], how[0], true)
    if (!known.has(name)) known.set(name, getSourceFile(name, ...how))
    return known.get(name)
  }
  const program = ts.createProgram(files, options, host)
  const found = [...program.getOptionsDiagnostics(), ...program.getGlobalDiagnostics()]
  for (const file of program.getSourceFiles().filter(({ fileName }) => files[0] === fileName || /node\/index\.d\.m?ts$/.test(fileName))) {
    found.push(...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file))
  }
  return found.map((one) => {
    const line = one.file && texts[one.file.fileName]?.split('\n')[ts.getLineAndCharacterOfPosition(one.file, one.start).line]
    return [line, ts.formatDiagnostic(one, { getCanonicalFileName: (name) => name, getCurrentDirectory: () => types, getNewLine: () => '\n' })]
      .filter(Boolean).join('\n')
  }).join('\n')
}

test('what programs must not say does not compile, and what netreq adds does', () => {
  assert.strictEqual(complaints([path.join(types, 'additions.ts')]), '')
})

test('a program compiles with Electron\'s declarations, and with ours when its import is changed', () => {
  assert.ok(fs.existsSync(electron), 'NETREQ_ELECTRON names no folder with electron.d.ts: `cargo xtask test --only node` fetches it')
  const file = path.join(types, 'program.ts')
  assert.strictEqual(complaints([file, electron]), '')

  const changed = fs.readFileSync(file, 'utf8').replaceAll("from 'electron'", "from 'netreq'")
  for (const name of ['changed.ts', 'changed.mts', 'changed.cts'].map((name) => path.join(types, name))) {
    assert.strictEqual(complaints([name], { [name]: changed }), '')
  }
})

test('every member of Electron\'s declarations is in ours, takes what it takes and gives what it gives', () => {
  const { text, checked } = comparison(fs.readFileSync(electron, 'utf8'), isLeftOut)
  assert.deepStrictEqual(COMPARED.filter((name) => !checked.some((one) => one.startsWith(`${name}.`))), [])
  const file = path.join(types, 'compared.ts')
  assert.strictEqual(complaints([file], { [file]: text }), '')
})

test('the comparison sees what is missing, what does not take enough and what gives something else', () => {
  const declarations = `declare namespace Electron {
    interface Cookie { value: string; weight: number }
    interface CookiesGetFilter { url?: string; path?: number }
    class Cookies { remove(url: URL): Promise<boolean>; on(event: 'changed', listener: (cookie: Cookie) => void): this }
  }`
  const { text } = comparison(declarations, () => false)
  const file = path.join(types, 'compared.ts')
  const found = complaints([file], { [file]: text })
  assert.deepStrictEqual([...found.matchAll(/^compared\.ts\((\d+)/gm)].map(([, line]) => text.split('\n')[line - 1].match(/'path'|weight|remove|changed/)?.[0]),
    ["'path'", 'weight', 'remove', 'changed'], found)
})

test('the table of differences names what is not there yet', () => {
  const table = fs.readFileSync(path.join(__dirname, '..', '..', 'docs', 'differences.md'), 'utf8')
  const unnamed = NOT_YET.filter((name) => !table.includes(`${name.split(/[.#]/)[1]}\``))
  assert.deepStrictEqual(unnamed, [])
})
