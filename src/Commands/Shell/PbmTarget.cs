using System.Globalization;
using System.Net;

namespace Ganymede.Commands;

/// <summary>Which endpoint a shell is to talk to.</summary>
public sealed record PbmTarget(string Host, int Port)
{
    /// <summary>The one of the environment (<c>GANYMEDE__PBM__HOST</c>, <c>GANYMEDE__PBM__PORT</c>), or 127.0.0.1:9110.</summary>
    public static PbmTarget Default => new(
        Environment.GetEnvironmentVariable("GANYMEDE__PBM__HOST") is { Length: > 0 } host and not "0.0.0.0" ? host : "127.0.0.1",
        int.TryParse(Environment.GetEnvironmentVariable("GANYMEDE__PBM__PORT"), NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is > 0 and < 65536
            ? port
            : PbmOptions.DefaultPort);

    /// <summary><c>HOST:PORT</c> or <c>[IPv6]:PORT</c>; null when it is neither.</summary>
    public static PbmTarget? TryParse(string text)
    {
        var colon = text.LastIndexOf(':');
        if (colon < 1 || !int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port is < 1 or > 65535)
            return null;
        var host = text[..colon];
        if (host is ['[', .. var six, ']'])
            return IPAddress.TryParse(six, out _) ? new PbmTarget(six, port) : null;
        return Uri.CheckHostName(host) is UriHostNameType.Dns or UriHostNameType.IPv4 ? new PbmTarget(host, port) : null;
    }
}
