const { app, net } = require('electron')

app.whenReady().then(() => {
  console.log('ONLINE: ' + typeof net.isOnline() + ' ' + typeof net.online)
  const request = net.request(process.argv[2])
  request.on('response', (response) => {
    console.log(`STATUS: ${response.statusCode}`)
    response.on('data', (chunk) => {
      console.log(`BODY: ${chunk}`)
    })
    response.on('end', async () => {
      console.log('No more data in response.')
      const answer = await net.fetch(process.argv[2])
      console.log(`FETCH: ${answer.ok} ${await answer.text()}`)
      const { endpoints } = await net.resolveHost('localhost')
      console.log('LOCALHOST: ' + endpoints.every((endpoint) => ['127.0.0.1', '::1'].includes(endpoint.address)))
      app.quit()
    })
  })
  request.end()
})
