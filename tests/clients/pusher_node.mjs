// The node server library: every call that it has.

import assert from 'node:assert/strict'

import { codeOf, connect, next, publisher, signIn, unique, world } from './stage.mjs'

const ok = async (response) => {
  assert.equal(response.status, 200)
  return response.json()
}

export async function triggers() {
  const channel = connect().subscribe(unique('orders'))
  await next(channel, 'pusher:subscription_succeeded')
  const event = next(channel, 'App\\Events\\Shipped')
  const answer = await publisher().trigger(channel.name, 'App\\Events\\Shipped', { to: 'Zoë' }, {
    info: 'subscription_count',
  })
  assert.deepEqual(await ok(answer), { channels: { [channel.name]: { subscription_count: 1 } } })
  assert.deepEqual(await event, { to: 'Zoë' })
}

export async function triggersABatch() {
  const channel = connect().subscribe(unique('orders'))
  await next(channel, 'pusher:subscription_succeeded')
  const events = []
  channel.bind_global((name, data) => events.push([name, data]))
  const last = next(channel, 'last')
  const batch = ['first', 'second', 'last'].map((name, n) => ({ channel: channel.name, name, data: { n } }))
  assert.deepEqual(await ok(await publisher().triggerBatch(batch)), {})
  await last
  assert.deepEqual(events, [['first', { n: 0 }], ['second', { n: 1 }], ['last', { n: 2 }]])
}

export async function excludesASocket() {
  const [sender, other] = [connect(), connect()]
  const name = unique('orders')
  for (const each of [sender, other]) await next(each.subscribe(name), 'pusher:subscription_succeeded')
  const heard = []
  sender.channel(name).bind_global((event) => heard.push(event))
  const [event, end] = [next(other.channel(name), 'shipped'), next(sender.channel(name), 'end')]
  const { socket_id } = sender.connection
  await publisher().trigger(name, 'shipped', {}, { socket_id })
  await publisher().trigger(name, 'end', {})
  await Promise.all([event, end])
  assert.deepEqual(heard, ['end'])
}

export async function asksAboutChannels() {
  const name = unique('presence-orders')
  await next(connect().subscribe(name), 'pusher:subscription_succeeded')
  const sdk = publisher()
  const channels = await sdk.get({ path: '/channels', params: { filter_by_prefix: name, info: 'user_count' } })
  assert.deepEqual(await ok(channels), { channels: { [name]: { user_count: 1 } } })
  const channel = await sdk.get({ path: `/channels/${name}`, params: { info: 'user_count' } })
  assert.deepEqual(await ok(channel), { occupied: true, user_count: 1 })
  assert.deepEqual(await ok(await sdk.get({ path: `/channels/${name}/users` })), { users: [{ id: '100' }] })
}

export async function terminatesAUser() {
  const pusher = connect({ token: 'token-of-7' })
  await signIn(pusher)
  const [error, end] = [next(pusher.connection, 'error'), next(pusher.connection, 'disconnected')]
  assert.deepEqual(await ok(await publisher().terminateUserConnections('7')), {})
  assert.equal(codeOf(await error), 4009)
  await end
}

/** Publishes through `world.relay`, where the test reads what was really sent. */
export async function publishesEncrypted() {
  const sdk = publisher({ port: world.relay })
  await ok(await sdk.trigger('private-encrypted-orders', 'shipped', { id: 1, to: 'Zoë' }))
}
