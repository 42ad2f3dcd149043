// Prints every event of some channels, with pusher-js:
//
//   node examples/listen.mjs my-channel private-customer.100.driver-location
//
// Server and app are in REVERB_HOST, REVERB_PORT, REVERB_SCHEME, REVERB_APP_KEY and REVERB_APP_SECRET; without a key
// they are those of `make serve`.

import { createHmac } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

// In a project of your own: import Pusher from 'pusher-js'
const Pusher = createRequire(new URL('../tests/clients/', import.meta.url))('pusher-js')

const KEPT = '.reverb/credentials.json'
const channels = process.argv.slice(2)
const { REVERB_HOST: host = '127.0.0.1', REVERB_PORT: port = 8080, REVERB_SCHEME: scheme = 'http' } = process.env
const { key, secret } = credentials()

function credentials() {
  const { REVERB_APP_KEY: key, REVERB_APP_SECRET: secret } = process.env
  if (key) return { key, secret }
  if (!existsSync(KEPT)) stop(`no ${KEPT} here: run \`make serve\` first, or set REVERB_APP_KEY and REVERB_APP_SECRET`)
  return JSON.parse(readFileSync(KEPT, 'utf8'))
}

function stop(why) {
  console.error(why)
  process.exit(1)
}

// An application's server does this, after it has asked who the user is. Never give the secret to a browser or an app.
function authorize({ socketId, channelName }, callback) {
  const data = channelName.startsWith('presence-') ? JSON.stringify({ user_id: `listener-${process.pid}` }) : undefined
  const text = [socketId, channelName, data].filter((part) => part !== undefined).join(':')
  const auth = `${key}:${createHmac('sha256', secret).update(text).digest('hex')}`
  callback(null, data ? { auth, channel_data: data } : { auth })
}

if (!channels.length) stop('usage: node examples/listen.mjs CHANNEL...')

const pusher = new Pusher(key, {
  cluster: '', // pusher-js wants one; with wsHost it has no meaning
  wsHost: host,
  wsPort: port,
  wssPort: port,
  forceTLS: scheme === 'https',
  enabledTransports: [scheme === 'https' ? 'wss' : 'ws'],
  channelAuthorization: { customHandler: authorize },
})

console.log(`connecting: ${host}:${port}`)
pusher.connection.bind('state_change', ({ current }) => console.log(`${current}: ${host}:${port}`))
pusher.connection.bind('error', ({ error, data = error?.data }) => data && console.error(data.code, data.message))
pusher.connection.bind('disconnected', () => stop('refused for good'))

for (const name of channels) {
  const channel = pusher.subscribe(name)
  channel.bind('pusher:subscription_succeeded', () => console.log(`subscribed: ${name}`))
  channel.bind_global((event, data) => {
    if (!event.startsWith('pusher')) console.log(name, event, JSON.stringify(data))
  })
}
