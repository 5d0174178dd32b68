using System.Text.Json;
using Ganymede.Messages.Api;

namespace Ganymede.Messages;

/// <summary>
/// One line a program prints on standard output once its ports are open, so that whoever started it on free ports learns
/// which they are. Also an entry of a local cluster's <c>cluster.json</c>.
/// </summary>
/// <param name="Akka">Akka address, such as <c>akka.tcp://ganymede@127.0.0.1:4053</c>.</param>
/// <param name="Data">Data plane as <c>host:port</c>; null where there is none.</param>
/// <param name="Http">Base URL of health endpoints (and the Coordinator's API).</param>
public sealed record Announcement(string Role, int Pid, string Akka, string? Data, string Http)
{
    /// <summary>Where operators' commands are taken, as <c>host:port</c>; null where they are not.</summary>
    public string? Pbm { get; init; }

    private const string Prefix = "GANYMEDE-READY ";

    public string ToLine() => Prefix + JsonSerializer.Serialize(this, ApiJson.Options);

    /// <summary>Null when the line is an ordinary log line.</summary>
    public static Announcement? Parse(string line) =>
        line.StartsWith(Prefix, StringComparison.Ordinal)
            ? JsonSerializer.Deserialize<Announcement>(line.AsSpan(Prefix.Length), ApiJson.Options)
            : null;
}
