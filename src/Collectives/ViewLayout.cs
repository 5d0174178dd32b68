using System.Globalization;
using System.IO.Hashing;
using System.Text;

namespace Ganymede.Collectives;

internal static class ViewLayout
{
    /// <summary>Hash of all that the parties of a view must see alike. Hosts and ports are not among it: a party may be reached by several.</summary>
    public static ulong Fingerprint(IReadOnlyList<PartyAddress> parties, int shards, DataPlaneOptions options)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{shards} {options.ChunkBytes} {(int)options.Wire} {options.Connections} {(int)options.Algorithm}");
        foreach (var party in parties)
        {
            text.Append(CultureInfo.InvariantCulture, $"\n{party.Name.Length} {party.Name} {party.Shards.First} {party.Shards.Count}");
        }

        return XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(text.ToString()));
    }
}
