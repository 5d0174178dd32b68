namespace Ganymede.Cli;

/// <summary>The peers' scripts, which lie beside the benchmark program.</summary>
internal static class PeerScripts
{
    public static string PathOf(string script) => Path.Combine(Path.GetDirectoryName(Programs.PathOf("Bench"))!, "peers", script);
}
