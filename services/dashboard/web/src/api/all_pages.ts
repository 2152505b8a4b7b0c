// Reads a list to its end, up to `most` items.
export async function allPages<Answer extends { nextPageToken: string }, Item>(
  list: (pageToken: string) => Promise<Answer>,
  items: (answer: Answer) => Item[],
  most = 5_000,
): Promise<Item[]> {
  const found: Item[] = [];
  let pageToken = "";
  do {
    const answer = await list(pageToken);
    found.push(...items(answer));
    pageToken = answer.nextPageToken;
  } while (pageToken && found.length < most);
  return found;
}
