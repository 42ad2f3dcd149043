// laravel-echo 2.x against the server, in the calls of its documentation.

import assert from 'node:assert/strict'

import { called, channelsOf, echo, next, overhear, publisher, sentAway, tell, unique, world } from './stage.mjs'

const subscribed = (channel) => called(`the subscription to ${channel.name}`, (done) => channel.subscribed(done))
const heard = (channel, event) => called(`${event} on ${channel.name}`, (done) => channel.listen(event, done))
const publish = (channel, event, data = {}, more = {}) => publisher().trigger(channel, event, data, more)

export async function connectsToTheAppsPath() {
  const { urls } = overhear()
  const { connection } = echo().connector.pusher
  await next(connection, 'connected')
  const [scheme, , host, ...path] = urls[0].split('?')[0].split('/')
  assert.deepEqual([scheme, host, path], ['ws:', `127.0.0.1:${world.port}`, ['app', world.key]])
  assert.equal(new URL(urls[0]).searchParams.get('protocol'), '7')
}

/** Names of `broadcastAs` have a leading dot, event classes have none. */
async function hearsAs(event, listened) {
  const channel = echo().private(unique('orders'))
  await subscribed(channel)
  const data = heard(channel, listened)
  await publish(channel.name, event, { ticket_id: 1, latitude: 12.9716, driver_name: null })
  assert.deepEqual(await data, { ticket_id: 1, latitude: 12.9716, driver_name: null })
}

export const listensToANameWithALeadingDot = () => hearsAs('ticket.assigned', '.ticket.assigned')
export const listensToAnEventClass = () => hearsAs('App\\Events\\OrderShipped', 'OrderShipped')

export async function whispers() {
  const name = unique('chat')
  const [ann, bob] = [echo(), echo('token-of-7')].map((each) => each.private(name))
  await Promise.all([subscribed(ann), subscribed(bob)])
  ann.listenForWhisper('typing', () => assert.fail('the sender heard its own whisper'))
  const whisper = called('the whisper', (done) => bob.listenForWhisper('typing', done))
  ann.whisper('typing', { name: 'Ann' })
  assert.deepEqual(await whisper, { name: 'Ann' })
  const end = heard(ann, '.end')
  await publish(ann.name, 'end')
  await end
}

export async function seesWhoIsHereJoinsAndLeaves() {
  const name = unique('chat')
  const [ann, bob] = [echo(), echo('token-of-7')]
  const channel = ann.join(name)
  assert.deepEqual(await called('here', (done) => channel.here(done)), [{ name: 'Ann' }])
  const joining = called('joining', (done) => channel.joining(done))
  const here = await called('here', (done) => bob.join(name).here(done))
  assert.deepEqual(here.map((each) => each.name).sort(), ['Ann', 'Bob'])
  assert.deepEqual(await joining, { name: 'Bob' })
  const leaving = called('leaving', (done) => channel.leaving(done))
  bob.leave(name)
  assert.deepEqual(await leaving, { name: 'Bob' })
}

export async function decrypts() {
  const channel = echo().encryptedPrivate(unique('orders'))
  await subscribed(channel)
  const event = heard(channel, '.ticket.assigned')
  await publish(channel.name, 'ticket.assigned', { ticket_id: 1 })
  assert.deepEqual(await event, { ticket_id: 1 })
}

export async function isToldOfASubscription() {
  await subscribed(echo().private(unique('orders')))
}

export async function isToldWhenTheApplicationRefuses() {
  const channel = echo('token-of-nobody').private(unique('orders'))
  const { type, status } = await called('.error()', (done) => channel.error(done))
  assert.deepEqual([type, status], ['AuthError', 403])
}

/** The application signs the names that begin with `forged` with another secret than the server's. */
export async function isToldWhenTheServerRefuses() {
  const channel = echo().private(unique('forged'))
  const { type, status, error } = await called('.error()', (done) => channel.error(done))
  assert.deepEqual([type, status], ['AuthError', 401])
  assert.match(error, /Invalid signature/)
}

export async function leavesTheVariantsThatItJoined() {
  const { sent } = overhear()
  const ann = echo()
  const name = unique('leaving')
  const joined = [ann.channel(name), ann.private(name), ann.join(name)]
  await Promise.all(joined.map(subscribed))
  ann.leave(name)
  await subscribed(ann.channel(unique('afterwards'))) // the server has obeyed all that came before
  assert.deepEqual(channelsOf(sent, 'pusher:unsubscribe'), [name, `private-${name}`, `presence-${name}`])
  const { channels } = await (await publisher().get({ path: '/channels' })).json()
  assert.deepEqual(Object.keys(channels).filter((each) => each.endsWith(name)), [])
}

export async function stopsListeningWithoutAWord() {
  const { sent } = overhear()
  const channel = echo().channel(unique('orders'))
  const stopped = () => assert.fail('a listener that had stopped was called')
  channel.listen('.shipped', stopped)
  await subscribed(channel)
  const [other, before] = [heard(channel, '.shipped'), sent.length]
  channel.stopListening('.shipped', stopped)
  await publish(channel.name, 'shipped', { id: 1 })
  assert.deepEqual(await other, { id: 1 })
  assert.equal(sent.length, before)
}

/** The application publishes with `toOthers()`, by the X-Socket-ID that Echo adds to a page's requests. */
export async function isLeftOutByToOthers() {
  const name = unique('orders')
  const [ann, bob] = [echo(), echo('token-of-7')]
  const [hers, his] = [ann.private(name), bob.private(name)]
  await Promise.all([subscribed(hers), subscribed(his)])
  hers.listen('OrderShipped', () => assert.fail('the sender heard its own event'))
  const [event, end] = [heard(his, 'OrderShipped'), heard(hers, '.end')]
  const headers = { Authorization: 'Bearer token-of-100', 'X-Socket-ID': ann.socketId() }
  const response = await fetch(`${world.laravel}/orders`, { method: 'POST', headers, body: hers.name })
  assert.equal(response.status, 200)
  assert.deepEqual(await event, { id: 1 })
  await publish(hers.name, 'end')
  await end
}

export async function hearsNotifications() {
  const channel = echo().private('App.Models.User.100')
  await subscribed(channel)
  const notification = called('a notification', (done) => channel.notification(done))
  const data = { id: '1', type: 'App\\Notifications\\InvoicePaid', total: 7.5 }
  await publish(channel.name, 'Illuminate\\Notifications\\Events\\BroadcastNotificationCreated', data)
  assert.deepEqual(await notification, data)
}

export async function isToldOfACacheMiss() {
  const channel = echo().channel(unique('cache-orders'))
  await called('pusher:cache_miss', (done) => channel.on('pusher:cache_miss', done))
}

/** The channel's callback in Laravel returns true where it should return an array. */
export async function joinsWhereTheCallbackReturnsTrue() {
  const channel = echo().join(unique('yes'))
  assert.deepEqual(await called('here', (done) => channel.here(done)), [true])
}

/** Tells everything that happens to a customer's app, until it is sent away. */
export async function listensToADriver() {
  const channel = echo().private('customer.100.driver-location')
  channel.subscribed(() => tell('subscribed'))
  for (const event of ['ticket.offered', 'ticket.assigned', 'driver.location.updated']) {
    channel.listen(`.${event}`, (data) => tell('event', [event, data]))
  }
  await sentAway()
}
