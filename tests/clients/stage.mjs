// What the stories share: each library, set up for the server of the test, and the ways to wait and to tell.

import Echo from 'laravel-echo'
import Publisher from 'pusher'
import Pusher from 'pusher-js'

/** `port` of the server; `id`, `key`, `secret` and `masterKey` of its app; `laravel`, the application's URL. */
export const world = JSON.parse(process.env.WORLD)

const PATIENCE = 5_000 // milliseconds for one thing that must happen

/** Tells the test something: one line of JSON on stdout. */
export function tell(kind, value = null) {
  process.stdout.write(JSON.stringify({ [kind]: value }) + '\n')
}

/** What the callback that `bind` takes is called with first; rejects when it is not called in time. */
export function called(what, bind) {
  const late = new Error(`waited ${PATIENCE} ms for ${what}, in vain`) // made here, so that its stack names the line
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(late), PATIENCE)
    bind((value) => {
      clearTimeout(timer)
      resolve(value)
    })
  })
}

/** The next `event` of a pusher-js connection, channel or user. */
export function next(emitter, event) {
  return called(`${event} of ${emitter.name ?? emitter.constructor.name}`, (done) => emitter.bind(event, done))
}

/** Signs in; resolves when the client is subscribed to the channel of its user, which it does by itself. */
export function signIn(pusher) {
  pusher.signin()
  return called('the sign-in', (done) =>
    pusher.connection.bind('message', ({ event, channel }) => {
      if (event === 'pusher_internal:subscription_succeeded' && channel.startsWith('#server-to-user-')) done()
    }),
  )
}

/** The code in what pusher-js emits as `error`, which is wrapped in the handshake, and bare after it. */
export function codeOf({ error, data }) {
  return (error?.data ?? data)?.code ?? null
}

/** Resolves when the test closes our stdin. */
export function sentAway() {
  process.stdin.resume()
  return new Promise((resolve) => process.stdin.once('end', resolve))
}

/** A name that no other story uses. */
export function unique(prefix) {
  return `${prefix}-${process.pid}`
}

const reverb = { wsHost: '127.0.0.1', wsPort: world.port, forceTLS: false, enabledTransports: ['ws'] }

/** A pusher-js client of somebody whom the application knows by this bearer token. */
export function connect({ key = world.key, token = 'token-of-100', ...more } = {}) {
  const endpoint = (path) => ({
    endpoint: `${world.laravel}/broadcasting/${path}`,
    transport: 'ajax',
    headers: { Authorization: `Bearer ${token}` },
  })
  const own = { channelAuthorization: endpoint('auth'), userAuthentication: endpoint('user-auth') }
  return new Pusher(key, { cluster: 'x', ...reverb, ...own, ...more })
}

/** A laravel-echo client of somebody whom the application knows by this bearer token. */
export function echo(token = 'token-of-100') {
  const authEndpoint = `${world.laravel}/broadcasting/auth`
  const auth = { headers: {} } // Echo's default is one object, which all Echos of a process would share
  return new Echo({ broadcaster: 'reverb', Pusher, key: world.key, ...reverb, authEndpoint, auth, bearerToken: token })
}

/** The node server library; `more` replaces its options. */
export function publisher(more = {}) {
  const { id: appId, key, secret, masterKey: encryptionMasterKeyBase64, port } = world
  return new Publisher({ appId, key, secret, encryptionMasterKeyBase64, host: '127.0.0.1', port, ...more })
}

/** What pusher-js logs about the wire from now on: `sent` and `received` messages, and the `urls` it connected to. */
export function overhear() {
  const heard = { sent: [], received: [], urls: [] }
  Pusher.log = (line) => {
    const start = line.indexOf('[')
    const [what, value] = start < 0 ? [] : JSON.parse(line.slice(start))
    if (what === 'Event sent') heard.sent.push(value)
    if (what === 'Event recd') heard.received.push(value)
    if (what === 'Connecting') heard.urls.push(value.url)
  }
  return heard
}

/** The sent messages of one kind, shortened to their channels. */
export function channelsOf(sent, event) {
  return sent.filter((message) => message.event === event).map((message) => message.data.channel)
}
