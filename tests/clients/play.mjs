// node play.mjs FILE STORY: plays one exported story of FILE.mjs.
// Exit code 0 when the story ends; 1 when it fails, with the reason on stderr.

const [, , file, name] = process.argv
const { [name]: story } = await import(`./${file}.mjs`)

try {
  await story()
} catch (error) {
  console.error(error)
  process.exit(1)
}
process.exit(0) // clients that are still connected would keep the process alive
