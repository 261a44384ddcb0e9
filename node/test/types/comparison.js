'use strict'
// Writes a module that compiles only where our declarations do for a program what Electron's do: each member
// of Electron's types is there, takes what Electron's takes and gives what Electron's gives. Types that
// Electron names mean ours of that name, so that each is compared once, by itself.

const ts = require('typescript')

/** What a program hands in: each option of Electron's is one of ours. */
const TAKEN = [
  'ClearDataOptions', 'ClearStorageDataOptions', 'ClientRequestConstructorOptions', 'Config',
  'ConfigureHostResolverOptions', 'CookiesGetFilter',
  'CookiesSetDetails', 'FromPartitionOptions', 'FromPathOptions', 'PreconnectOptions', 'ResolveHostOptions'
]
/** What a program is given, and the objects it calls. */
const GIVEN = [
  'App', 'Certificate', 'CertificatePrincipal', 'ClientRequest', 'CommandLine', 'Cookie', 'Cookies', 'IncomingMessage',
  'Net', 'Request', 'ResolvedEndpoint', 'ResolvedHost', 'Session', 'UploadProgress'
]
const COMPARED = [...TAKEN, ...GIVEN]

const LISTENING = ['on', 'off', 'once', 'addListener', 'removeListener']

/** `isLeftOut` is asked for each member, as `Session.setProxy`, and for each event, as `Session#will-download`. */
function comparison (declarations, isLeftOut) {
  const source = ts.createSourceFile('electron.d.ts', declarations, ts.ScriptTarget.Latest, true)
  const namespace = source.statements.find((one) => ts.isModuleDeclaration(one) && one.name.text === 'Electron')
  const named = new Map()
  for (const statement of namespace.body.statements) {
    if (statement.name !== undefined && !ts.isModuleDeclaration(statement)) named.set(statement.name.text, statement)
  }
  const lines = ["import type * as netreq from 'netreq'", 'declare function some<T> (): T;']
  const checked = []
  for (const name of COMPARED.filter((name) => named.has(name))) {
    for (const [member, declared] of members(named.get(name))) {
      if (isLeftOut(`${name}.${member}`)) continue
      checked.push(`${name}.${member}`)
      const isStatic = declared.some(({ modifiers }) => modifiers?.some(({ kind }) => kind === ts.SyntaxKind.StaticKeyword))
      const owner = isStatic ? `typeof netreq.${name.toLowerCase()}` : `netreq.${name}`
      if (LISTENING.includes(member)) {
        for (const { parameters: [event, { type: listener }] } of declared) {
          const what = event.type.literal.text
          if (isLeftOut(`${name}#${what}`)) continue
          const wanted = `[${written(listener.parameters, name).join(', ')}]`
          lines.push(`some<${owner}>().${member}('${what}', (...given) => { const wanted: ${wanted} = given })`)
        }
      } else if (TAKEN.includes(name)) {
        lines.push(`{ const taken: ${owner}['${member}'] = some<${type(declared, name)}>() }`)
      } else {
        lines.push(`{ const given: ${type(declared, name)} = some<${owner}>().${member} }`)
      }
    }
    // What Electron does not have, nobody hands in.
    const theirs = checked.filter((one) => one.startsWith(`${name}.`)).map((one) => `'${one.slice(name.length + 1)}'`)
    if (TAKEN.includes(name)) lines.push(`{ const taken: netreq.${name} = some<Pick<netreq.${name}, ${theirs.join(' | ')}>>() }`)
  }
  return { text: lines.join('\n') + '\n', checked }

  /** The type of a member: its own, or that of a function with all its overloads. */
  function type (declared, name) {
    const [first] = declared
    if (!ts.isMethodDeclaration(first) && !ts.isMethodSignature(first)) {
      return `(${written([first.type], name)})${first.questionToken ? ' | undefined' : ''}`
    }
    return `{ ${declared.map((one) => `(${written(one.parameters, name).join(', ')}): ${written([one.type], name)}`).join('; ')} }`
  }

  /** The text of nodes, with our types in place of Electron's. */
  function written (nodes, name) {
    return nodes.map((node) => {
      let text = node.getText()
      const visit = (part) => {
        ts.forEachChild(part, visit)
        const instead = replacement(part, name)
        if (instead === undefined) return
        const at = part.getStart() - node.getStart()
        // From the end on, so that what was found at a place is still there.
        edits.push([at, at + part.getWidth(), instead])
      }
      const edits = []
      visit(node)
      for (const [from, to, instead] of edits.sort((a, b) => b[0] - a[0])) text = text.slice(0, from) + instead + text.slice(to)
      return text.replace(/\s+/g, ' ')
    })
  }

  function replacement (node, name) {
    if (node.kind === ts.SyntaxKind.ThisType) return `netreq.${name}`
    if (ts.isQualifiedName(node) && node.left.getText() === 'Electron') return `netreq.${node.right.text}`
    if (!ts.isIdentifier(node) || !ts.isTypeReferenceNode(node.parent)) return undefined
    if (/^Global(Request|Response)$/.test(node.text)) return node.text.replace('Global', 'globalThis.')
    return named.has(node.text) ? `netreq.${node.text}` : undefined
  }
}

/** Declarations by the name of the member. */
function members (declaration) {
  const found = new Map()
  for (const member of declaration.members) {
    if (member.name === undefined) continue
    const name = member.name.text
    found.set(name, [...found.get(name) ?? [], member])
  }
  return found
}

module.exports = { comparison, COMPARED }
