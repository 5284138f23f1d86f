/** The library's options by what they are called here, as its messages have them. */
const NAMES: readonly (readonly [RegExp, string])[] = [
  [/^containerName\b/, "--container"],
  [/^connectionString\b/, "AZURE_STORAGE_CONNECTION_STRING"],
  [/ in connectionString\b/, " in AZURE_STORAGE_CONNECTION_STRING"],
  // It is put together here, of both.
  [/^sasUrl (?=is plain http|must be)/, "--endpoint "],
  [/ in sasUrl\b/, " in --endpoint"],
  [/^sasUrl\b/, "AZURE_STORAGE_SAS_TOKEN"],
  [/^accountKey\b/, "AZURE_STORAGE_KEY"],
  [/^accountName\b/, "--account (or AZURE_STORAGE_ACCOUNT)"],
  [/\baccountName$/, "--account (or AZURE_STORAGE_ACCOUNT)"],
  [/^endpoint\b/, "--endpoint"],
  [/say allowHttp: true/, "say --allow-http"],
  [/\bwrite endpoint: ("[^"]*"),/, "write --endpoint $1"],
  [/\bcontainerName: (?=")/, "--container "],
  [/^stateDirectory\b/, "--state-dir (or AZMUTEX_STATE_DIR)"],
  // A defect of ours may begin with such a word too.
  [/^holder(?= must\b)/, "--holder"],
  [/^purpose(?= must\b)/, "--purpose"],
  [/^candidate(?= must\b)/, "--candidate"],
  [/^data(?= must\b)/, "--data"],
  [/^ifHolder(?= must\b)/, "--if-holder"],
  [/^permit(?= must\b)/, "--permit"],
  [/^reader(?= must\b)/, "--reader"],
  [/^prefix(?= must\b)/, "prefix"],
];

const NO_SDK = /^azmutex (?=needs the package |cannot load the package )/;

/**
 * What the library says of an option it was given from the command line, or of what is to be installed, in the command
 * line's words. Undefined if it is about something else.
 */
export function inOurWords(error: unknown): string | undefined {
  if (error instanceof Error && NO_SDK.test(error.message)) return error.message.replace(NO_SDK, "");
  if (!(error instanceof TypeError || error instanceof RangeError)) return undefined;
  const { message } = error;
  if (!NAMES.some(([name]) => name.test(message))) return undefined;
  return NAMES.reduce((text, [name, ours]) => text.replace(name, ours), message);
}
