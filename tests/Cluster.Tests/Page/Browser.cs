using System.Diagnostics;

namespace Ganymede.Tests.Page;

/// <summary>Chromium and what drives it: node, and from npm playwright-core (Apache-2.0) and axe-core (MPL-2.0), fetched once into the user's cache.</summary>
internal sealed record Browser(string Chromium, string Tools)
{
    private static readonly string[] Packages = ["playwright-core@1.65.1", "axe-core@4.14.1"];
    private static readonly string[] Names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

    /// <summary>Skips the calling test, with the reason, where they cannot be had.</summary>
    public static async Task<Browser> OrSkip()
    {
        var chromium = Environment.GetEnvironmentVariable("GANYMEDE_CHROMIUM") is { Length: > 0 } named ? named : Names.Select(OnPath).FirstOrDefault(path => path is not null);
        if (chromium is null)
            Assert.Skip($"No Chromium: none of {string.Join(", ", Names)} is on the PATH (apt-get install chromium), and GANYMEDE_CHROMIUM names none.");
        if (OnPath("node") is null || OnPath("npm") is null)
            Assert.Skip("node and npm, which drive the browser, are not installed.");
        return new Browser(chromium!, await ToolsOrSkip());
    }

    private static async Task<string> ToolsOrSkip()
    {
        var cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } set
            ? set
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
        var target = Path.Combine(cache, "ganymede", "test-tools", string.Join('+', Packages).Replace('@', '-'));
        if (Directory.Exists(target))
            return target;

        var staging = target + $".{Environment.ProcessId}";
        Directory.CreateDirectory(staging);
        File.WriteAllText(Path.Combine(staging, "package.json"), "{}");
        var start = new ProcessStartInfo("npm", ["install", "--silent", "--ignore-scripts", "--no-audit", "--no-fund", .. Packages]) { WorkingDirectory = staging };
        var finished = await Command.RunAsync(start);
        if (finished.ExitCode != 0)
        {
            Directory.Delete(staging, recursive: true);
            Assert.Skip($"npm cannot fetch {string.Join(", ", Packages)}: {finished.Error.Trim()}");
        }

        Directory.Move(staging, target);
        return target;
    }

    private static string? OnPath(string name) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries)
        .Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
}
