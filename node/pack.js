'use strict'
// Packs what npm publishes: `node pack.js ADDON FOLDER` writes two `.tgz` into FOLDER, the package and that of
// this platform with the addon in it, each beside a folder of what is in it, and prints their names. `cargo xtask package` builds the addon first.
//
// The package depends on those of all platforms, and npm installs the one that fits. That is written here
// and not in package.json: in this folder npm would look for packages that are not published.

const fs = require('node:fs')
const path = require('node:path')
const { spawnSync } = require('node:child_process')
const { target, TARGETS } = require('./lib/binary.js')

const root = path.join(__dirname, '..')
const LICENCES = ['LICENSE-APACHE', 'LICENSE-MIT']

function pack (addon, folder) {
  const { scripts, devDependencies, ...manifest } = JSON.parse(fs.readFileSync(path.join(__dirname, 'package.json'), 'utf8'))
  const { version } = manifest
  for (const name of ['netreq', target()]) fs.rmSync(path.join(folder, name), { recursive: true, force: true })

  const main = lay(path.join(folder, 'netreq'), {
    ...manifest,
    files: [...manifest.files, ...LICENCES],
    optionalDependencies: Object.fromEntries(TARGETS.map((name) => [`@netreq/${name}`, version]))
  }, LICENCES)
  for (const name of ['README.md', ...manifest.files]) fs.cpSync(path.join(__dirname, name), path.join(main, name), { recursive: true })

  const name = target()
  const platform = lay(path.join(folder, name), platformManifest(name, manifest), [...LICENCES, 'THIRD-PARTY.md'])
  fs.copyFileSync(addon, path.join(platform, 'netreq.node'))
  fs.writeFileSync(path.join(platform, 'README.md'), `# @netreq/${name}\n\nThe addon of [netreq](https://www.npmjs.com/package/netreq) for ${name}. npm installs it with netreq.\n`)

  // A folder has to look like one: `netreq` alone would be the name of a package.
  const words = ['pack', '--ignore-scripts', '--silent', ...[main, platform].map((one) => `.${path.sep}${path.relative(folder, one)}`)]
  const { status, stdout, error } = spawnSync('npm', words, {
    cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], shell: process.platform === 'win32'
  })
  if (status !== 0) throw new Error('npm does not pack', { cause: error })
  return stdout.trim().split(/\s+/).map((file) => path.join(folder, file))
}

function platformManifest (name, { version, license, engines }) {
  const [os, cpu, abi] = name.split('-')
  const libc = { gnu: 'glibc', musl: 'musl' }[abi]
  return {
    name: `@netreq/${name}`,
    version,
    description: `The addon of netreq for ${name}.`,
    license,
    main: 'netreq.node',
    files: ['netreq.node', 'THIRD-PARTY.md', ...LICENCES],
    os: [os],
    cpu: [cpu],
    ...(libc && { libc: [libc] }),
    engines
  }
}

function lay (folder, manifest, files) {
  fs.mkdirSync(folder, { recursive: true })
  fs.writeFileSync(path.join(folder, 'package.json'), JSON.stringify(manifest, null, 2) + '\n')
  for (const name of files) fs.copyFileSync(path.join(root, name), path.join(folder, name))
  return folder
}

if (require.main === module) {
  const [addon, folder] = process.argv.slice(2)
  for (const file of pack(path.resolve(addon), path.resolve(folder))) console.log(file)
}

module.exports = { pack, platformManifest }
