const { app, net } = require('electron')

app.whenReady().then(() => {
  const { port } = new URL(process.argv[2])
  const upload = net.request({
    method: 'POST',
    protocol: 'http:',
    hostname: '127.0.0.1',
    port: Number(port),
    path: '/echo'
  })
  upload.chunkedEncoding = true
  upload.setHeader('X-Probe', 'yes')
  console.log('HEADER: ' + upload.getHeader('x-probe'))
  upload.removeHeader('X-Probe')
  upload.on('finish', () => console.log('FINISH'))
  upload.on('close', () => console.log('CLOSE'))
  upload.on('response', (response) => {
    response.on('data', (chunk) => console.log('BODY: ' + chunk))
    response.on('end', redirected)
  })
  upload.write('some ', 'utf8', () => console.log('WRITTEN'))
  upload.write(Buffer.from('bytes'))
  upload.end()

  function redirected () {
    const { active, started } = upload.getUploadProgress()
    console.log(`PROGRESS: ${active} ${started}`)
    const request = net.request({ url: process.argv[2] + 'from', redirect: 'manual' })
    request.on('redirect', (status, method, url) => {
      console.log(`REDIRECT: ${status} ${method} ${new URL(url).pathname}`)
      request.followRedirect()
    })
    request.on('response', (response) => {
      console.log(`STATUS: ${response.statusCode}`)
      response.on('data', () => {})
      response.on('end', login)
    })
    request.end()
  }

  function login () {
    const request = net.request(process.argv[2] + 'private')
    request.on('login', (authInfo, callback) => callback())
    request.on('response', (response) => {
      console.log(`UNANSWERED: ${response.statusCode}`)
      response.on('data', () => {})
      response.on('end', abort)
    })
    request.end()
  }

  function abort () {
    const request = net.request(process.argv[2] + 'slow')
    request.on('abort', () => {
      console.log('ABORT')
      app.quit()
    })
    request.on('error', (error) => console.log('ERROR: ' + error.message))
    request.end()
    request.abort()
  }
})
