const { app, net } = require('electron')

app.whenReady().then(() => {
  const request = net.request(process.argv[2])
  request.on('response', (response) => {
    console.log(`STATUS: ${response.statusCode} ${response.statusMessage}`)
    console.log(`VERSION: ${response.httpVersion} ${response.httpVersionMajor} ${response.httpVersionMinor}`)
    console.log(`HEADERS: ${JSON.stringify(response.headers['set-cookie'])}`)
    console.log(`RAW: ${response.rawHeaders.includes('Set-Cookie')}`)
    response.on('error', (error) => console.log(`ERROR: ${JSON.stringify(error)}`))
    response.on('aborted', () => console.log('aborted'))
    response.on('data', (chunk) => console.log(`BODY: ${chunk}`))
    response.on('end', () => {
      console.log('END')
      app.quit()
    })
  })
  request.end()
})
