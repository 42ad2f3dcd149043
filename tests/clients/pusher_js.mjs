// pusher-js 8.x against the server: what an application sees of its connection, its channels and its user.

import assert from 'node:assert/strict'
import { setTimeout as wait } from 'node:timers/promises'

import { codeOf, connect, next, overhear, publisher, sentAway, signIn, tell, unique } from './stage.mjs'

const RETRY = 1_000 // milliseconds after which pusher-js tries again, where it does

export async function subscribesToPublicPrivateAndPresence() {
  const pusher = connect()
  const name = unique('orders')
  for (const each of [name, `private-${name}`]) {
    await next(pusher.subscribe(each), 'pusher:subscription_succeeded')
  }
  const presence = pusher.subscribe(`presence-${name}`)
  const members = await next(presence, 'pusher:subscription_succeeded')
  assert.deepEqual([members.count, members.me], [1, { id: '100', info: { name: 'Ann' } }])
  assert.equal(pusher.connection.state, 'connected')
  assert.equal(pusher.allChannels().every((channel) => channel.subscribed), true)
}

export async function givesUpOnAWrongKey() {
  const pusher = connect({ key: 'key-that-no-app-has' })
  const states = []
  pusher.connection.bind('state_change', ({ current }) => states.push(current))
  const { error } = await next(pusher.connection, 'error')
  assert.equal(error.data.code, 4001)
  assert.match(error.data.message, /key-that-no-app-has/)
  await wait(2.5 * RETRY)
  assert.deepEqual(states, ['disconnected'])
}

export async function staysConnectedByItsPings() {
  const heard = overhear()
  const pusher = connect({ activityTimeout: 1_000, pongTimeout: 700 })
  await next(pusher.connection, 'connected')
  pusher.connection.bind('state_change', ({ current }) => assert.fail(`became ${current}`))
  for (const _ of [1, 2, 3]) await next(pusher.connection, 'message')
  assert.deepEqual(heard.sent, Array(3).fill({ event: 'pusher:ping', data: {} }))
  assert.deepEqual(heard.received.slice(-3), Array(3).fill({ event: 'pusher:pong', data: {} }))
}

export async function hearsWhatIsSentToItsUser() {
  const pusher = connect()
  await signIn(pusher)
  const message = next(pusher.user, 'invoice')
  await publisher().sendToUser('100', 'invoice', { total: 7.5 })
  assert.deepEqual(await message, { total: 7.5 })
}

export async function decrypts() {
  const channel = connect().subscribe(unique('private-encrypted-orders'))
  await next(channel, 'pusher:subscription_succeeded')
  const event = next(channel, 'shipped')
  await publisher().trigger(channel.name, 'shipped', { id: 1, to: 'Zoë' })
  assert.deepEqual(await event, { id: 1, to: 'Zoë' })
}

/** The application knows two master keys: it authorizes once with the old one, then with that of the publisher. */
export async function asksAgainWhenTheMasterKeyWasRotated() {
  const channel = connect().subscribe('private-encrypted-rotated')
  await next(channel, 'pusher:subscription_succeeded')
  const event = next(channel, 'shipped')
  await publisher().trigger(channel.name, 'shipped', { id: 2 })
  assert.deepEqual(await event, { id: 2 })
}

/** Tells everything that happens to a customer's app, until it is sent away. */
export async function listensToADriver() {
  const channel = connect().subscribe('private-customer.100.driver-location')
  channel.bind('pusher:subscription_succeeded', () => tell('subscribed'))
  channel.bind_global((event, data) => event.startsWith('pusher:') || tell('event', [event, data]))
  await sentAway()
}

export async function isRefusedWithoutAToken() {
  const channel = connect({ token: '' }).subscribe('private-customer.100.driver-location')
  const { type, status } = await next(channel, 'pusher:subscription_error')
  assert.deepEqual([type, status], ['AuthError', 403])
  assert.equal(channel.subscribed, false)
}

/** Tells each change of the connection, with its time, and what is heard, until it is sent away. */
export async function livesThroughARestart() {
  const heard = overhear()
  const pusher = connect()
  const { connection } = pusher
  connection.bind('state_change', ({ current }) => tell(current, performance.now()))
  connection.bind('error', (error) => tell('error', [codeOf(error), performance.now()]))
  pusher.signin() // before it is connected
  pusher.user.bind('invoice', (data) => tell('user event', data))
  for (const name of ['orders', 'private-orders', 'presence-orders']) {
    pusher.subscribe(name).bind('shipped', (data) => tell('event', [name, data]))
  }
  // Signed in, it subscribes to a fourth channel by itself: that of its user.
  const acknowledged = new Set()
  connection.bind('connected', () => acknowledged.clear())
  connection.bind('message', ({ event, channel }) => {
    if (event !== 'pusher_internal:subscription_succeeded' || acknowledged.add(channel).size < 4) return
    const signIns = heard.sent.splice(0).filter((message) => message.event === 'pusher:signin').length
    tell('set up', { signIns, channels: [...acknowledged].sort() })
  })
  await sentAway()
}
