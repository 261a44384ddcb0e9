const { app, net, session } = require('electron')

app.on('session-created', (made) => console.log('CREATED: ' + (made.getUserAgent().length > 0)))

app.whenReady().then(async () => {
  const ses = session.fromPartition('persist:name')
  console.log('SAME: ' + (ses === session.fromPartition('persist:name')) + ' ' + (ses !== session.defaultSession))
  console.log('PERSISTENT: ' + ses.isPersistent() + ' ' + ses.getStoragePath().startsWith(app.getPath('userData')))
  ses.setUserAgent('a program', 'en,de')
  ses.preconnect({ url: process.argv[2], numSockets: 2 })
  ses.setCertificateVerifyProc((request, callback) => {
    const { hostname } = request
    callback(hostname === 'github.com' ? 0 : -2)
  })
  const answer = await ses.fetch(process.argv[2])
  console.log('AGENT: ' + answer.headers.get('x-agent'))
  await ses.closeAllConnections()
  await ses.clearStorageData({ storages: ['cookies'] })
  await ses.clearData()
  console.log('COOKIES: ' + (await ses.cookies.get({})).length)
  const request = net.request({ url: process.argv[2], session: ses, useSessionCookies: true })
  request.on('response', (response) => {
    response.on('data', () => {})
    response.on('end', async () => {
      console.log('COOKIES: ' + (await ses.cookies.get({})).length)
      ses.flushStorageData()
      app.quit()
    })
  })
  request.end()
})
